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

-- name: insert_message
INSERT INTO messages (queue_id, direction, reverse_path, message_id, received_at, size, policy,
                      declared_user, declared_by, ret, envid)
VALUES (:queue_id, :direction, :reverse_path, :message_id, :received_at, :size, :policy,
        :declared_user, :declared_by, :ret, :envid)

-- name: insert_copy
-- Pending: nobody may send it before its decision line is durable.
INSERT INTO copies (queue_id, recipient, recipient_domain, decision_id, channel, outer_message_id,
                    encrypted_to, encrypted_to_subkey, signed_by, signed_by_subkey,
                    sealed_sha256, sealed_size, submission_digest, notify, original_recipient,
                    state, next_attempt_at)
VALUES (:queue_id, :recipient, :recipient_domain, :decision_id, :channel, :outer_message_id,
        :encrypted_to, :encrypted_to_subkey, :signed_by, :signed_by_subkey,
        :sealed_sha256, :sealed_size, :submission_digest, :notify, :original_recipient,
        'pending', :next_attempt_at)
RETURNING copy_id

-- name: insert_sealed
INSERT INTO sealed (copy_id, octets) VALUES (:copy_id, :octets)

-- name: remember_submissions
-- Before the copies become ready; the newest queue id counts.
INSERT INTO submissions (digest, queue_id, seen_at)
SELECT submission_digest, queue_id, :now
FROM copies
WHERE queue_id = :queue_id AND state = 'pending' AND submission_digest <> ''
ON CONFLICT (digest) DO UPDATE SET queue_id = excluded.queue_id, seen_at = excluded.seen_at

-- name: make_ready
UPDATE copies SET state = 'ready', next_attempt_at = :now
WHERE queue_id = :queue_id AND state = 'pending'

-- name: discard_pending
DELETE FROM copies
WHERE queue_id = :queue_id AND recipient = COALESCE(:recipient, recipient) AND state = 'pending'

-- name: forget_message
-- After its last copy.
DELETE FROM messages
WHERE queue_id = :queue_id AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.queue_id = :queue_id)

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

-- name: sealed_octets
SELECT octets FROM sealed JOIN copies ON copies.copy_id = sealed.copy_id
WHERE queue_id = :queue_id AND recipient = :recipient

-- name: next_due
SELECT MIN(due_at) FROM copies WHERE due_at IS NOT NULL

-- name: find_duplicates
SELECT digest, queue_id FROM submissions
WHERE seen_at >= :since AND digest IN (SELECT value FROM json_each(:digests))

-- name: forget_submissions
DELETE FROM submissions WHERE seen_at < :before
