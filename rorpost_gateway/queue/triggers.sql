-- name: arrivals
-- What goes in with one copy. `first` says that its message's row goes in with it.
CREATE TEMP VIEW arrivals AS
SELECT m.queue_id, m.direction, m.reverse_path, m.message_id, m.received_at, m.size, m.policy,
       m.declared_user, m.declared_by, m.ret, m.envid,
       c.recipient, c.recipient_domain, c.decision_id, c.channel, c.outer_message_id,
       c.encrypted_to, c.encrypted_to_subkey, c.signed_by, c.signed_by_subkey,
       c.sealed_sha256, c.sealed_size, c.submission_digest, c.notify, c.original_recipient, c.purpose,
       s.octets, TRUE AS first
FROM main.messages m JOIN main.copies c USING (queue_id) JOIN main.sealed s USING (copy_id)

-- name: store_arrival
-- Pending: nobody may send it before its decision line is durable.
CREATE TEMP TRIGGER store_arrival INSTEAD OF INSERT ON arrivals BEGIN
    INSERT INTO messages (queue_id, direction, reverse_path, message_id, received_at, size, policy,
                          declared_user, declared_by, ret, envid)
    SELECT NEW.queue_id, NEW.direction, NEW.reverse_path, NEW.message_id, NEW.received_at, NEW.size,
           NEW.policy, NEW.declared_user, NEW.declared_by, NEW.ret, NEW.envid
    WHERE NEW.first;
    INSERT INTO copies (queue_id, recipient, recipient_domain, decision_id, channel, outer_message_id,
                        encrypted_to, encrypted_to_subkey, signed_by, signed_by_subkey,
                        sealed_sha256, sealed_size, submission_digest, notify, original_recipient, purpose,
                        state, next_attempt_at)
    VALUES (NEW.queue_id, NEW.recipient, NEW.recipient_domain, NEW.decision_id, NEW.channel,
            NEW.outer_message_id, NEW.encrypted_to, NEW.encrypted_to_subkey, NEW.signed_by,
            NEW.signed_by_subkey, NEW.sealed_sha256, NEW.sealed_size, NEW.submission_digest,
            NEW.notify, NEW.original_recipient, NEW.purpose, 'pending', NEW.received_at);
    INSERT INTO sealed (copy_id, octets) VALUES (last_insert_rowid(), NEW.octets);
END

-- name: remember_submission
-- Of a copy that goes from pending to anything else; the newest queue id counts.
CREATE TEMP TRIGGER remember_submission AFTER UPDATE OF state ON main.copies
WHEN OLD.state = 'pending' AND NEW.state <> 'pending' AND NEW.submission_digest <> '' BEGIN
    INSERT INTO submissions (digest, queue_id, seen_at)
    VALUES (NEW.submission_digest, NEW.queue_id, NEW.next_attempt_at)
    ON CONFLICT (digest) DO UPDATE SET queue_id = excluded.queue_id, seen_at = excluded.seen_at;
END

-- name: forget_message
-- After its last copy.
CREATE TEMP TRIGGER forget_message AFTER DELETE ON main.copies BEGIN
    DELETE FROM messages
    WHERE queue_id = OLD.queue_id AND NOT EXISTS (SELECT 1 FROM copies WHERE copies.queue_id = OLD.queue_id);
END
