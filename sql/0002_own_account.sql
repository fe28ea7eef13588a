-- Postern's schema, version 2: what a person may do with the own account
-- beyond signing in.  The web pool has no grant on the tables these functions
-- change: it can do this, for the holder of a mailed link or of a session,
-- and nothing else.

SET LOCAL lock_timeout = '5s';

-- Changes of address, for the holders of their links ------------------------
-- The change a good token stands for; no row for any other.  Confirming ends
-- with the epoch it was asked under.  Taking back outlives epochs, resets and
-- whatever the account's address is by now.
CREATE FUNCTION postern.address_change_of_token(
  of_account uuid, token_hash bytea, token_purpose text)
RETURNS SETOF postern.address_change
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.*
    FROM postern.one_time_token t
    JOIN postern.address_change c
      ON c.account_id = t.account_id AND c.id = t.change_id
    JOIN postern.account a ON a.id = t.account_id
   WHERE t.account_id = of_account AND t.hash = token_hash
     AND t.purpose = token_purpose AND t.used_at IS NULL
     AND t.expires_at > clock_timestamp()
     AND CASE token_purpose
       WHEN 'confirm' THEN c.confirmed_at IS NULL AND c.epoch = a.epoch
         AND t.epoch = a.epoch AND a.disabled_at IS NULL
       WHEN 'take_back' THEN c.taken_back_at IS NULL
         AND c.take_back_until > clock_timestamp()
       END
$$;

-- The address such a link was mailed to, for the page that asks for the
-- click; NULL for a token that is not good.
CREATE FUNCTION postern.address_of_change_token(
  of_account uuid, token_hash bytea, token_purpose text)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE token_purpose WHEN 'confirm' THEN new_address
      ELSE old_address END
    FROM postern.address_change_of_token(of_account, token_hash,
      token_purpose)
$$;

-- Puts a change into force; false for a token that is not good, and for an
-- address that has an account by now or is kept for another.
CREATE FUNCTION postern.confirm_address(of_account uuid, token_hash bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a postern.account;
  c postern.address_change;
BEGIN
  SELECT * INTO a FROM postern.account WHERE id = of_account FOR UPDATE;
  SELECT * INTO c FROM postern.address_change_of_token(of_account,
    token_hash, 'confirm');
  IF NOT FOUND OR c.new_canonical = a.canonical THEN
    RETURN false;
  END IF;
  BEGIN
    UPDATE postern.account
      SET address = c.new_address, canonical = c.new_canonical
      WHERE id = of_account;
  EXCEPTION WHEN unique_violation THEN
    RETURN false;
  END;
  UPDATE postern.address_change
    SET old_address = a.address, old_canonical = a.canonical,
      confirmed_at = clock_timestamp(),
      take_back_until = clock_timestamp() + interval '72 hours',
      number = 1 + coalesce((SELECT max(o.number)
        FROM postern.address_change o WHERE o.account_id = of_account), 0)
    WHERE account_id = of_account AND id = c.id;
  UPDATE postern.one_time_token SET used_at = clock_timestamp()
    WHERE account_id = of_account AND purpose = 'confirm'
      AND used_at IS NULL;
  INSERT INTO postern.mail_outbox (kind, account_id, canonical, change_id)
    VALUES ('address_changed', of_account, a.canonical, c.id);
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.address_changed', of_account);
  RETURN true;
END
$$;

-- Gives an account back to the address it had before a change.  That change
-- and all later ones are undone, and their links with them: an earlier
-- owner's right goes before a later one's.  Every session ends, and no
-- password is left but one set through a link mailed to the old address.
CREATE FUNCTION postern.take_back_address(of_account uuid, token_hash bytea)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a postern.account;
  c postern.address_change;
  latest uuid;
BEGIN
  SELECT * INTO a FROM postern.account WHERE id = of_account FOR UPDATE;
  SELECT * INTO c FROM postern.address_change_of_token(of_account,
    token_hash, 'take_back');
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  UPDATE postern.account
    SET address = c.old_address, canonical = c.old_canonical,
      epoch = epoch + 1
    WHERE id = of_account;
  DELETE FROM postern.password WHERE account_id = of_account;
  UPDATE postern.session
    SET ended_at = clock_timestamp(), end_reason = 'address_taken_back'
    WHERE account_id = of_account AND ended_at IS NULL;
  SELECT id INTO latest FROM postern.address_change
    WHERE account_id = of_account AND new_canonical = a.canonical
      AND number >= c.number ORDER BY number DESC LIMIT 1;
  UPDATE postern.address_change SET taken_back_at = clock_timestamp()
    WHERE account_id = of_account AND number >= c.number
      AND taken_back_at IS NULL;
  UPDATE postern.one_time_token t SET used_at = clock_timestamp()
    WHERE t.account_id = of_account AND t.used_at IS NULL
      AND (t.purpose <> 'take_back' OR EXISTS (
        SELECT FROM postern.address_change o
          WHERE o.account_id = of_account AND o.id = t.change_id
            AND o.taken_back_at IS NOT NULL));
  -- Whoever had the address last is told, and the owner mailed a link.
  IF latest IS NOT NULL AND a.canonical <> c.old_canonical THEN
    INSERT INTO postern.mail_outbox (kind, account_id, canonical, change_id)
      VALUES ('address_taken_back', of_account, a.canonical, latest);
  END IF;
  INSERT INTO postern.mail_outbox (kind, account_id, canonical)
    VALUES ('reset', of_account, c.old_canonical);
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.address_taken_back', of_account);
  RETURN true;
END
$$;

-- The end of an account, and all that is held about it ----------------------
-- Deletes an account whose password was proved under this epoch; false when
-- that is over.  What happened stays in audit_event, which names nobody.
-- Mails go first: the mailer locks them before it looks at an account.
CREATE FUNCTION postern.delete_account(of_account uuid, of_epoch int)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  a postern.account;
  former postern.address_change[];
BEGIN
  SELECT * INTO a FROM postern.account
    WHERE id = of_account AND epoch = of_epoch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM postern.mail_outbox WHERE account_id = of_account
    OR (account_id IS NULL AND canonical = a.canonical);
  SELECT array_agg(c) INTO former FROM postern.address_change c
    WHERE c.account_id = of_account AND c.taken_back_at IS NULL
      AND c.take_back_until > clock_timestamp()
      AND c.old_canonical <> a.canonical;
  DELETE FROM postern.account WHERE id = of_account AND epoch = of_epoch
    RETURNING * INTO a;
  IF NOT FOUND THEN
    RAISE serialization_failure; -- something that raises it was faster
  END IF;
  INSERT INTO postern.mail_outbox
      (kind, account_id, canonical, recipient, locale)
    SELECT 'account_deleted', of_account, a.canonical, a.address, a.locale
    UNION ALL
    SELECT 'account_deleted', of_account, c.old_canonical, c.old_address,
      a.locale
      FROM (SELECT DISTINCT ON (f.old_canonical) f.*
        FROM unnest(former) f) c;
  INSERT INTO postern.audit_event (event, account_id)
    VALUES ('account.deleted', of_account);
  RETURN true;
EXCEPTION WHEN serialization_failure THEN
  RETURN false;
END
$$;

-- All that is held about a person, as JSON, for a live session of theirs;
-- NULL for any other.  Secrets, which are kept as hashes, are left out, and
-- so is what tells of other people: whether a mail that asks to confirm a new
-- address was sent, and its link as long as nobody has used it, would say
-- that nobody else has that address.  (Such a mail is told of for a week,
-- which is how long it stays whatever became of it.)
--
-- A list has its newest entries, so many and so many bytes of them;
-- "shortened" names those that had more.  All of it stays below 2 MiB, which
-- nginx takes whole (fastcgi_buffers in postern-fastcgi.conf) and a worker's
-- arena holds: 576 + 160 + 160 + 192 + 896 KiB of lists are 1984 KiB, and
-- around them is less than 2 KiB.
CREATE FUNCTION postern.export_account(of_account uuid, of_session uuid)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  WITH form(utc) AS (VALUES ('YYYY-MM-DD"T"HH24:MI:SS"Z"')),
  bound(list, entries, bytes) AS (VALUES
    ('sessions', 1000, 576 * 1024),
    ('email_changes', 1000, 160 * 1024),
    ('mailed_links', 1000, 160 * 1024),
    ('mails', 1000, 192 * 1024),
    ('events', 5000, 896 * 1024)),
  entry(list, at, item) AS (
    (SELECT 'sessions', s.created_at, json_build_object('id', s.id,
        'kind', s.kind, 'created_at', to_char(s.created_at, utc),
        'last_seen_at', to_char(s.last_seen_at, utc),
        'expires_at', to_char(s.expires_at, utc),
        'ended_at', to_char(s.ended_at, utc), 'end_reason', s.end_reason,
        'address', s.address, 'user_agent', coalesce(s.user_agent, ''))
      FROM postern.session s, form WHERE s.account_id = of_account
      ORDER BY s.created_at DESC LIMIT 1001)
    UNION ALL
    (SELECT 'email_changes', c.created_at, json_build_object(
        'old_email', c.old_address, 'new_email', c.new_address,
        'asked_at', to_char(c.created_at, utc),
        'confirmed_at', to_char(c.confirmed_at, utc),
        'take_back_until', to_char(c.take_back_until, utc),
        'taken_back_at', to_char(c.taken_back_at, utc))
      FROM postern.address_change c, form WHERE c.account_id = of_account
      ORDER BY c.created_at DESC LIMIT 1001)
    UNION ALL
    (SELECT 'mailed_links', t.created_at, json_build_object(
        'purpose', t.purpose, 'email', t.canonical,
        'created_at', to_char(t.created_at, utc),
        'expires_at', to_char(t.expires_at, utc),
        'used_at', to_char(t.used_at, utc))
      FROM postern.one_time_token t, form WHERE t.account_id = of_account
        AND (t.purpose <> 'confirm' OR EXISTS (
          SELECT FROM postern.address_change c
            WHERE c.account_id = t.account_id AND c.id = t.change_id
              AND c.confirmed_at IS NOT NULL))
      ORDER BY t.created_at DESC LIMIT 1001)
    UNION ALL
    (SELECT 'mails', m.created_at, CASE m.kind
        WHEN 'confirm_address' THEN json_build_object('kind', m.kind,
          'email', m.canonical, 'created_at', to_char(m.created_at, utc))
        ELSE json_build_object('kind', m.kind, 'email', m.canonical,
          'created_at', to_char(m.created_at, utc), 'state', m.state,
          'ended_at', to_char(m.ended_at, utc)) END
      FROM postern.mail_outbox m, postern.account a, form
      WHERE a.id = of_account AND (m.account_id = a.id
          OR (m.account_id IS NULL AND m.canonical = a.canonical))
        AND (m.kind <> 'confirm_address'
          OR m.created_at > now() - interval '7 days')
      ORDER BY m.created_at DESC LIMIT 1001)
    UNION ALL
    (SELECT 'events', e.at, json_build_object('at', to_char(e.at, utc),
        'event', e.event, 'session_id', e.session_id, 'client', e.client)
      FROM postern.audit_event e, form WHERE e.account_id = of_account
      ORDER BY e.at DESC LIMIT 5001)),
  judged AS (
    SELECT list, item, row_number() OVER newest AS n,
        row_number() OVER newest <= b.entries
          AND sum(octet_length(item::text) + 2) OVER newest <= b.bytes AS fits
      FROM entry JOIN bound b USING (list)
      WINDOW newest AS (PARTITION BY list ORDER BY at DESC
        ROWS UNBOUNDED PRECEDING)),
  grown AS (
    SELECT list, coalesce(json_agg(item ORDER BY n) FILTER (WHERE fits), '[]')
        AS items, bool_and(fits) AS whole
      FROM judged GROUP BY list)
  SELECT json_build_object(
    'exported_at', to_char(now(), utc),
    'account', json_build_object('id', a.id, 'email', a.address,
      'created_at', to_char(a.created_at, utc),
      'email_verified_at', to_char(a.verified_at, utc),
      'disabled_at', to_char(a.disabled_at, utc), 'language', a.locale,
      'password_changed_at', (SELECT to_char(p.changed_at, utc)
        FROM postern.password p WHERE p.account_id = a.id)),
    'sessions', (SELECT items FROM grown WHERE list = 'sessions'),
    'email_changes', coalesce((SELECT items FROM grown
      WHERE list = 'email_changes'), '[]'),
    'mailed_links', coalesce((SELECT items FROM grown
      WHERE list = 'mailed_links'), '[]'),
    'mails', coalesce((SELECT items FROM grown WHERE list = 'mails'), '[]'),
    'events', coalesce((SELECT items FROM grown WHERE list = 'events'), '[]'),
    'shortened', (SELECT coalesce(json_agg(list ORDER BY list), '[]')
      FROM grown WHERE NOT whole))::text
    FROM form, postern.account a
    JOIN postern.session own ON own.account_id = a.id
   WHERE a.id = of_account AND own.id = of_session
     AND own.ended_at IS NULL AND own.expires_at > now()
     AND own.epoch = a.epoch AND a.disabled_at IS NULL
$$;

-- Who may do what -----------------------------------------------------------
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA postern FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postern.confirm_address(uuid, bytea),
  postern.take_back_address(uuid, bytea),
  postern.address_of_change_token(uuid, bytea, text),
  postern.export_account(uuid, uuid) TO postern_web;
GRANT EXECUTE ON FUNCTION postern.delete_account(uuid, int)
  TO postern_password;

INSERT INTO postern.schema_migration (version, name)
VALUES (2, 'own_account');
