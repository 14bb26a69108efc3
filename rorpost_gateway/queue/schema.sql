-- name: messages
-- What all copies of one submission share. A row goes when its last copy goes.
CREATE TABLE messages (
    queue_id      TEXT PRIMARY KEY,
    direction     TEXT NOT NULL,
    reverse_path  TEXT NOT NULL,
    message_id    TEXT,
    received_at   REAL NOT NULL,
    size          INTEGER NOT NULL,
    policy        TEXT NOT NULL,
    declared_user TEXT,
    declared_by   TEXT,
    ret           TEXT,
    envid         TEXT
) STRICT

-- name: copies
-- One copy a recipient. `due_at` is when somebody may claim it: never while it is
-- pending or held. A held copy keeps `claimed_by` while an attempt that began
-- before the hold is still under way.
CREATE TABLE copies (
    copy_id             INTEGER PRIMARY KEY,
    queue_id            TEXT NOT NULL REFERENCES messages (queue_id),
    recipient           TEXT NOT NULL,
    recipient_domain    TEXT NOT NULL,
    decision_id         TEXT NOT NULL,
    channel             TEXT NOT NULL,
    outer_message_id    TEXT NOT NULL,
    encrypted_to        TEXT NOT NULL,
    encrypted_to_subkey TEXT NOT NULL,
    signed_by           TEXT NOT NULL,
    signed_by_subkey    TEXT NOT NULL,
    sealed_sha256       TEXT NOT NULL,
    sealed_size         INTEGER NOT NULL,
    submission_digest   TEXT NOT NULL,
    notify              TEXT,
    original_recipient  TEXT,
    state               TEXT NOT NULL CHECK (state IN ('pending', 'ready', 'claimed', 'held')),
    attempts            INTEGER NOT NULL DEFAULT 0,
    next_attempt_at     REAL NOT NULL,
    claimed_by          TEXT,
    lease_until         REAL,
    last_reply          TEXT,
    last_next_hop       TEXT,
    warned_at           REAL,
    bounced_at          REAL,
    held_because        TEXT,
    due_at              REAL GENERATED ALWAYS AS (
        CASE state WHEN 'ready' THEN next_attempt_at WHEN 'claimed' THEN lease_until END
    ) STORED,
    UNIQUE (queue_id, recipient),
    CHECK ((state = 'held') = (held_because IS NOT NULL)),
    CHECK ((claimed_by IS NULL) = (lease_until IS NULL)),
    CHECK (state <> 'claimed' OR claimed_by IS NOT NULL),
    CHECK (state NOT IN ('pending', 'ready') OR claimed_by IS NULL)
) STRICT

-- name: copies_by_due_time
-- What claims look for, without touching rows of busy domains.
CREATE INDEX copies_due ON copies (due_at, recipient_domain) WHERE due_at IS NOT NULL

-- name: copies_by_claim
CREATE INDEX copies_claimed ON copies (claimed_by) WHERE claimed_by IS NOT NULL

-- name: copies_by_pending
CREATE INDEX copies_pending ON copies (queue_id) WHERE state = 'pending'

-- name: sealed
-- The octets, apart from the rows that change at every attempt.
CREATE TABLE sealed (
    copy_id INTEGER PRIMARY KEY REFERENCES copies (copy_id) ON DELETE CASCADE,
    octets  BLOB NOT NULL
) STRICT

-- name: submissions
-- Digests of copies that became ready. They outlive the copy, so that a
-- submission whose 250 was not heard is known again after it was relayed.
CREATE TABLE submissions (
    digest   TEXT PRIMARY KEY,
    queue_id TEXT NOT NULL,
    seen_at  REAL NOT NULL
) STRICT, WITHOUT ROWID

-- name: submissions_by_age
CREATE INDEX submissions_seen ON submissions (seen_at)

-- name: seals
-- Replay guards: what was signed by whom for whom has been taken once, in which seal.
CREATE TABLE seals (
    guard         TEXT PRIMARY KEY,
    sealed_sha256 TEXT NOT NULL,
    queue_id      TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    seen_at       REAL NOT NULL
) STRICT, WITHOUT ROWID

-- name: seals_by_age
CREATE INDEX seals_seen ON seals (seen_at)

-- name: seals_by_copy
CREATE INDEX seals_of_copies ON seals (queue_id, recipient)

-- name: entries
-- A copy with what it shares with its siblings.
CREATE VIEW entries AS
SELECT c.copy_id, c.queue_id, c.recipient, c.decision_id, c.channel, c.outer_message_id,
       c.encrypted_to, c.encrypted_to_subkey, c.signed_by, c.signed_by_subkey,
       c.sealed_sha256, c.sealed_size, c.notify, c.original_recipient,
       c.state, c.attempts, c.next_attempt_at, c.claimed_by, c.lease_until,
       c.last_reply, c.last_next_hop, c.warned_at, c.bounced_at, c.held_because,
       m.direction, m.reverse_path, m.message_id, m.received_at, m.size, m.policy,
       m.declared_user, m.declared_by, m.ret, m.envid
FROM copies c JOIN messages m ON m.queue_id = c.queue_id
