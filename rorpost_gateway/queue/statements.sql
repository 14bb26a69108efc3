-- name: take_seal
-- With the copies, so that the guard is durable exactly when they are.
INSERT INTO seals (guard, sealed_sha256, queue_id, recipient, seen_at)
VALUES (:guard, :sealed_sha256, :queue_id, :recipient, :seen_at)
ON CONFLICT (guard) DO NOTHING

-- name: give_seals_back
-- Of copies that are about to be discarded: nobody was told that they were taken.
DELETE FROM seals
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient)
  AND EXISTS (SELECT 1 FROM copies c
              WHERE c.queue_id = seals.queue_id AND c.recipient = seals.recipient AND c.state = 'pending')

-- name: forget_seal
-- Of a copy that never arrived: what was answered to the same seal would not be true of it.
DELETE FROM seals
WHERE queue_id = :queue_id AND recipient = :recipient
  AND EXISTS (SELECT 1 FROM copies c
              WHERE c.queue_id = :queue_id AND c.recipient = :recipient AND c.state <> 'pending')

-- name: find_seals
SELECT guard, queue_id, sealed_sha256 FROM seals
WHERE guard IN (SELECT value FROM json_each(:guards))

-- name: forget_seals
DELETE FROM seals WHERE seen_at < :before

-- name: insert_arrival
-- `triggers.sql` puts it into its tables: one statement for three rows.
INSERT INTO arrivals (queue_id, direction, reverse_path, message_id, received_at, size, policy,
                      declared_user, declared_by, ret, envid,
                      recipient, recipient_domain, decision_id, channel, outer_message_id,
                      encrypted_to, encrypted_to_subkey, signed_by, signed_by_subkey,
                      sealed_sha256, sealed_size, submission_digest, notify, original_recipient, purpose,
                      octets, first)
VALUES (:queue_id, :direction, :reverse_path, :message_id, :received_at, :size, :policy,
        :declared_user, :declared_by, :ret, :envid,
        :recipient, :recipient_domain, :decision_id, :channel, :outer_message_id,
        :encrypted_to, :encrypted_to_subkey, :signed_by, :signed_by_subkey,
        :sealed_sha256, :sealed_size, :submission_digest, :notify, :original_recipient, :purpose,
        :octets, :first)

-- name: make_ready
-- Claimed in the same step where somebody is there to send them, sent copies aside. A trigger
-- remembers the submissions.
UPDATE copies
SET state = IIF(:node IS NULL OR purpose <> 'message', 'ready', 'claimed'), next_attempt_at = :now,
    claimed_by = IIF(purpose = 'message', :node, NULL),
    lease_until = IIF(purpose = 'message', :lease_until, NULL)
WHERE queue_id = :queue_id AND state = 'pending'
RETURNING submission_digest

-- name: discard_pending
DELETE FROM copies
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient) AND state = 'pending'

-- name: claim
-- Due copies and ones whose lease ran out; in a store with row locks the inner
-- SELECT takes FOR UPDATE SKIP LOCKED.
UPDATE copies SET state = 'claimed', claimed_by = :node, lease_until = :lease_until
WHERE copy_id IN (
    SELECT copy_id FROM copies
    WHERE due_at <= :now AND recipient_domain NOT IN (SELECT value FROM json_each(:busy_domains))
    ORDER BY due_at, copy_id
    LIMIT :limit
)
RETURNING copy_id

-- name: put_back
-- A copy that was put on hold during the attempt stays on hold.
UPDATE copies
SET state = CASE state WHEN 'held' THEN 'held' ELSE 'ready' END,
    attempts = attempts + 1, next_attempt_at = :next_attempt_at,
    last_reply = :reply, last_next_hop = :next_hop, warned_at = COALESCE(:warned_at, warned_at),
    claimed_by = NULL, lease_until = NULL
WHERE queue_id = :queue_id AND recipient = :recipient AND claimed_by IS NOT NULL

-- name: mark_bounced
UPDATE copies SET bounced_at = COALESCE(bounced_at, :now)
WHERE queue_id = :queue_id AND recipient = :recipient AND claimed_by IS NOT NULL

-- name: forget_submission
-- Of a copy that never arrived; unless the same was submitted again meanwhile.
DELETE FROM submissions
WHERE queue_id = :queue_id AND digest = (
    SELECT submission_digest FROM copies
    WHERE queue_id = :queue_id AND recipient = :recipient AND state <> 'pending'
)

-- name: finish
DELETE FROM copies WHERE queue_id = :queue_id AND recipient = :recipient AND state <> 'pending'

-- name: hold_by_operator
-- An attempt that is under way keeps its claim until it ends.
UPDATE copies SET state = 'held', held_because = :because
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient)
  AND state IN ('ready', 'claimed')

-- name: hold_by_gateway
-- The relay judged its own claim: there is no attempt any more.
UPDATE copies SET state = 'held', held_because = :because, claimed_by = NULL, lease_until = NULL
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient)
  AND (state IN ('ready', 'claimed') OR claimed_by IS NOT NULL)

-- name: release
-- Due at once, unless an attempt that began before the hold still has its lease.
UPDATE copies
SET held_because = NULL, next_attempt_at = :now,
    state = CASE WHEN lease_until > :now THEN 'claimed' ELSE 'ready' END,
    claimed_by = CASE WHEN lease_until > :now THEN claimed_by END,
    lease_until = CASE WHEN lease_until > :now THEN lease_until END
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient) AND state = 'held'

-- name: retry_now
-- One that is overdue keeps its place in the order.
UPDATE copies SET next_attempt_at = MIN(next_attempt_at, :now)
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient) AND state = 'ready'

-- name: bring_forward
UPDATE copies SET next_attempt_at = :latest WHERE state = 'ready' AND due_at > :latest

-- name: release_claims
UPDATE copies
SET state = CASE state WHEN 'held' THEN 'held' ELSE 'ready' END, claimed_by = NULL, lease_until = NULL
WHERE claimed_by = :node

-- name: exists
SELECT 1 FROM copies WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient) LIMIT 1

-- name: claimed_entries
SELECT * FROM entries WHERE copy_id IN (SELECT value FROM json_each(:copy_ids))
ORDER BY next_attempt_at, copy_id

-- name: pending_entries
SELECT * FROM entries WHERE state = 'pending' ORDER BY received_at, queue_id, copy_id

-- name: all_entries
SELECT * FROM entries ORDER BY received_at, queue_id, copy_id

-- name: entries_of_message
SELECT * FROM entries WHERE queue_id = :queue_id ORDER BY copy_id

-- name: make_room
UPDATE sealed SET octets = zeroblob(:octets)
WHERE copy_id = (SELECT copy_id FROM copies WHERE queue_id = :queue_id AND recipient = :recipient)
RETURNING copy_id

-- name: sealed_octets
-- Large ones are read by themselves: here SQLite would put them together once more.
SELECT CASE WHEN sealed_size < :large THEN octets END, copies.copy_id
FROM sealed JOIN copies ON copies.copy_id = sealed.copy_id
WHERE queue_id = :queue_id AND recipient = :recipient

-- name: next_due
SELECT MIN(due_at) FROM copies WHERE due_at IS NOT NULL

-- name: census
-- In the words of `rorpost queue list`.
SELECT CASE state
           WHEN 'held' THEN 'hold'
           WHEN 'pending' THEN 'pending'
           WHEN 'ready' THEN IIF(attempts > 0 AND next_attempt_at > :now, 'deferred', 'active')
           ELSE 'active'
       END AS word,
       COUNT(*) AS copies, SUM(sealed_size) AS octets, MIN(received_at) AS oldest
FROM copies JOIN messages USING (queue_id)
GROUP BY word

-- name: find_duplicates
SELECT digest, queue_id FROM submissions
WHERE seen_at >= :since AND digest IN (SELECT value FROM json_each(:digests))

-- name: submissions
SELECT digest, seen_at FROM submissions

-- name: forget_submissions
DELETE FROM submissions WHERE seen_at < :before

-- name: find_collected
SELECT uid, outcome, noted_at FROM collected
WHERE account = :account AND uid_validity = :uid_validity AND uid IN (SELECT value FROM json_each(:uids))

-- name: note_collected
INSERT INTO collected (account, uid_validity, uid, outcome, noted_at)
VALUES (:account, :uid_validity, :uid, :outcome, :now)
ON CONFLICT (account, uid_validity, uid) DO UPDATE SET outcome = excluded.outcome, noted_at = excluded.noted_at

-- name: note_told
INSERT INTO told (digest, noted_at) VALUES (:digest, :now) ON CONFLICT (digest) DO NOTHING

-- name: forget_collected
DELETE FROM collected WHERE noted_at < :before

-- name: forget_told
DELETE FROM told WHERE noted_at < :before
