-- name: purpose
-- What a copy is for: the message itself, or the copy for the sender's own Sent folder.
ALTER TABLE copies ADD COLUMN purpose TEXT NOT NULL DEFAULT 'message'

-- name: entries_without_purpose
DROP VIEW entries

-- name: entries
-- A copy with what it shares with its siblings.
CREATE VIEW entries AS
SELECT c.copy_id, c.queue_id, c.recipient, c.decision_id, c.channel, c.outer_message_id,
       c.encrypted_to, c.encrypted_to_subkey, c.signed_by, c.signed_by_subkey,
       c.sealed_sha256, c.sealed_size, c.notify, c.original_recipient, c.purpose,
       c.state, c.attempts, c.next_attempt_at, c.claimed_by, c.lease_until,
       c.last_reply, c.last_next_hop, c.warned_at, c.bounced_at, c.held_because,
       m.direction, m.reverse_path, m.message_id, m.received_at, m.size, m.policy,
       m.declared_user, m.declared_by, m.ret, m.envid
FROM copies c JOIN messages m ON m.queue_id = c.queue_id

-- name: collected
-- What was decided on messages of collected mailboxes: none is decided twice, whatever became of
-- its way out of the folder.
CREATE TABLE collected (
    account      TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid          INTEGER NOT NULL,
    outcome      TEXT NOT NULL,
    noted_at     REAL NOT NULL,
    PRIMARY KEY (account, uid_validity, uid)
) STRICT, WITHOUT ROWID

-- name: collected_by_age
CREATE INDEX collected_noted ON collected (noted_at)

-- name: told
-- Refused messages, as digests, whose senders have been told: whoever brings one again makes no second notice.
CREATE TABLE told (
    digest   TEXT PRIMARY KEY,
    noted_at REAL NOT NULL
) STRICT, WITHOUT ROWID

-- name: told_by_age
CREATE INDEX told_noted ON told (noted_at)
