-- Ids are UUIDs as 16 bytes. Times are milliseconds since the Unix epoch, UTC, unless the name says otherwise.
-- Sealed columns hold what `crypter` makes: key id, nonce, ciphertext, bound to table, row and column.
-- Tables that grow with traffic have no foreign keys: what they name is removed by retention on its own schedule.

-- Configuration -----------------------------------------------------------------------------------------------------

CREATE TABLE sources (
    id                    BLOB    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL UNIQUE,
    kind                  TEXT    NOT NULL,
    base_url              TEXT,
    account_id            INTEGER,
    is_signed             INTEGER NOT NULL,
    allow_private_network INTEGER NOT NULL,
    allow_http            INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id                    BLOB    NOT NULL PRIMARY KEY,
    name                  TEXT    NOT NULL UNIQUE,
    connector             TEXT    NOT NULL,
    base_url              TEXT,
    allow_private_network INTEGER NOT NULL,
    allow_http            INTEGER NOT NULL,
    concurrency           INTEGER NOT NULL
) STRICT;

CREATE TABLE connections (
    id        BLOB    NOT NULL PRIMARY KEY,
    name      TEXT    NOT NULL UNIQUE,
    source    BLOB    NOT NULL REFERENCES sources (id),
    account   BLOB    NOT NULL REFERENCES accounts (id),
    connector TEXT    NOT NULL,
    inboxes   TEXT    NOT NULL, -- JSON list
    mode      TEXT    NOT NULL,
    settings  TEXT    NOT NULL, -- JSON
    time_zone TEXT,
    is_paused INTEGER NOT NULL,
    policy    TEXT    NOT NULL  -- JSON
) STRICT;
CREATE INDEX connections_by_source ON connections (source);

CREATE TABLE secrets (
    owner_kind TEXT NOT NULL, -- source, account
    owner      BLOB NOT NULL,
    name       TEXT NOT NULL,
    value      BLOB NOT NULL, -- sealed by the master key
    PRIMARY KEY (owner_kind, owner, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_versions (
    digest     TEXT    NOT NULL PRIMARY KEY, -- SHA-256 of the component, hex
    descriptor TEXT    NOT NULL,             -- JSON
    size       INTEGER NOT NULL,
    added_at   INTEGER NOT NULL,
    component  BLOB    NOT NULL
) STRICT;

CREATE TABLE routes (
    connection BLOB NOT NULL PRIMARY KEY REFERENCES connections (id),
    digest     TEXT NOT NULL REFERENCES connector_versions (digest)
) STRICT, WITHOUT ROWID;

-- Raised with every change of what is configured, so that hosts notice each other's.
CREATE TABLE configuration (
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO configuration VALUES (1);

CREATE TABLE variables (
    connection BLOB NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL, -- JSON
    PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

-- What came in ------------------------------------------------------------------------------------------------------

-- One data key per contact; the source's own has the empty contact. Destroying a key erases what it sealed.
CREATE TABLE keys (
    source  BLOB NOT NULL,
    contact TEXT NOT NULL,
    value   BLOB NOT NULL, -- sealed by the master key
    PRIMARY KEY (source, contact)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id           BLOB    NOT NULL PRIMARY KEY,
    source       BLOB    NOT NULL,
    contact      TEXT    NOT NULL, -- whose key seals the body; empty where it is the source's
    name         TEXT    NOT NULL,
    delivery_key TEXT,
    semantic_key TEXT,
    received_at  INTEGER NOT NULL,
    body         BLOB    NOT NULL  -- compressed, sealed
) STRICT;
CREATE INDEX events_by_arrival ON events (received_at, id);
CREATE UNIQUE INDEX events_by_delivery_key ON events (source, delivery_key) WHERE delivery_key IS NOT NULL;
CREATE UNIQUE INDEX events_by_semantic_key ON events (source, semantic_key) WHERE semantic_key IS NOT NULL;

CREATE TABLE entities (
    source           BLOB NOT NULL,
    kind             TEXT NOT NULL,
    id               TEXT NOT NULL,
    version          INTEGER,       -- microseconds of the source's clock
    newest_event     BLOB,
    status           TEXT,
    first_reply_at   INTEGER,
    inboxes          TEXT NOT NULL, -- JSON list
    contact          TEXT,
    identities       TEXT NOT NULL, -- JSON list
    identified_event BLOB,          -- the event that brought the first identity
    PRIMARY KEY (source, kind, id)
) STRICT, WITHOUT ROWID;

-- The unit of work --------------------------------------------------------------------------------------------------

CREATE TABLE deliveries (
    sequence       INTEGER NOT NULL PRIMARY KEY, -- arrival
    id             BLOB    NOT NULL UNIQUE,
    event          BLOB    NOT NULL,
    connection     BLOB    NOT NULL,
    contact        TEXT    NOT NULL,
    entity_kind    TEXT,
    entity_id      TEXT,
    kind           TEXT,
    priority       INTEGER NOT NULL,             -- 0 live, 1 bulk
    lacks_identity INTEGER NOT NULL,             -- its event names a contact that cannot be found by anything
    lane           INTEGER,                      -- the number of the lane that it waits in; null where it never did
    turn           INTEGER NOT NULL,             -- orders its lane before the time does
    occurred_at_us INTEGER NOT NULL,             -- microseconds
    received_at    INTEGER NOT NULL,
    queued_at      INTEGER NOT NULL,
    state          TEXT    NOT NULL,
    attempts       INTEGER NOT NULL,
    was_claimed    INTEGER NOT NULL,
    was_retried    INTEGER NOT NULL,             -- by an operator, after it was settled
    not_before     INTEGER,
    settled_at     INTEGER,
    version        TEXT,
    code           TEXT,                         -- why it was skipped
    outcome        TEXT,                         -- JSON
    failure        TEXT                          -- JSON
) STRICT;
-- By the lane's number and not by its contact: what came in together lies together, and work on a long queue stays within
-- few pages.
CREATE INDEX deliveries_in_lane ON deliveries (lane, turn, occurred_at_us, sequence) WHERE settled_at IS NULL;
CREATE INDEX deliveries_unsettled ON deliveries (sequence) WHERE settled_at IS NULL;
CREATE INDEX deliveries_dead ON deliveries (sequence) WHERE state = 'dead';
CREATE INDEX deliveries_unidentified ON deliveries (contact, connection, occurred_at_us, sequence)
    WHERE code = 'no-identity';
CREATE INDEX deliveries_by_contact ON deliveries (contact, sequence);
CREATE INDEX deliveries_by_event ON deliveries (event);

-- How many deliveries stand where, so that health and metrics need not count a million rows.
CREATE TABLE delivery_counts (
    state  TEXT    NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER deliveries_counted AFTER INSERT ON deliveries BEGIN
    INSERT INTO delivery_counts VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER deliveries_recounted AFTER UPDATE OF state ON deliveries WHEN OLD.state <> NEW.state BEGIN
    UPDATE delivery_counts SET number = number - 1 WHERE state = OLD.state;
    INSERT INTO delivery_counts VALUES (NEW.state, 1) ON CONFLICT (state) DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER deliveries_discounted AFTER DELETE ON deliveries BEGIN
    UPDATE delivery_counts SET number = number - 1 WHERE state = OLD.state;
END;

-- One row per lane with pending work, or that had some a short while ago.
CREATE TABLE lanes (
    number        INTEGER NOT NULL PRIMARY KEY, -- grows: lanes that came one after the other lie side by side
    connection    BLOB    NOT NULL,
    contact       TEXT    NOT NULL,
    is_empty      INTEGER NOT NULL DEFAULT 0, -- nothing waits in it, since ready_at; retention removes it
    priority      INTEGER NOT NULL DEFAULT 0, -- 0 live, 1 bulk
    ready_at      INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,           -- of the newest delivery that was put in
    turn          INTEGER NOT NULL DEFAULT 0, -- what new deliveries get
    revive_turn   INTEGER,                    -- the contact's skipped deliveries are to come back with this turn
    lease_token   BLOB,
    lease_owner   BLOB,                       -- the incarnation of the process that holds it
    leased_at     INTEGER,
    lease_until   INTEGER,                    -- on the database's clock; on SQLite a lease ends with its process
    is_held       INTEGER NOT NULL DEFAULT 0, -- nothing in it runs until a person lets it
    held_by       BLOB,                       -- the dead delivery that holds it; absent where a person does
    held_at       INTEGER,                    -- since when
    unsettled_delivery BLOB,                  -- what it sent may still be on its way to the CRM …
    unsettled_since    INTEGER,               -- … since then
    sole_sequence INTEGER,                    -- last_sequence when it was leased, where nothing else waited in it
    UNIQUE (connection, contact),
    CHECK (NOT is_empty OR (lease_token IS NULL AND NOT is_held AND revive_turn IS NULL))
) STRICT;
CREATE INDEX lanes_ready ON lanes (connection, priority, ready_at)
    WHERE lease_token IS NULL AND NOT is_held AND NOT is_empty;
CREATE INDEX lanes_empty ON lanes (ready_at) WHERE is_empty;
CREATE INDEX lanes_held ON lanes (connection, contact) WHERE is_held;
CREATE INDEX lanes_leased ON lanes (lease_until) WHERE lease_token IS NOT NULL;

CREATE TABLE attempts (
    delivery          BLOB    NOT NULL,
    id                BLOB    NOT NULL,
    number            INTEGER NOT NULL,
    contact_was_known INTEGER NOT NULL, -- the contact could be found by something when the attempt began
    version           TEXT,
    started_at        INTEGER NOT NULL,
    settled_at        INTEGER,
    outcome           TEXT,             -- JSON
    failure           TEXT,             -- JSON
    cost              TEXT,             -- JSON
    log               BLOB,             -- JSON, compressed, sealed
    PRIMARY KEY (delivery, id)
) STRICT, WITHOUT ROWID;

-- What was sent and answered, one row per commit of an attempt.
CREATE TABLE exchanges (
    attempt  BLOB    NOT NULL,
    sequence INTEGER NOT NULL, -- of the first in the row
    at       INTEGER NOT NULL,
    value    BLOB    NOT NULL, -- JSON list, compressed, sealed
    PRIMARY KEY (attempt, sequence)
) STRICT;
CREATE INDEX exchanges_by_time ON exchanges (at);

-- What is known of the CRM ------------------------------------------------------------------------------------------

CREATE TABLE effects (
    id       BLOB    NOT NULL PRIMARY KEY,
    account  BLOB    NOT NULL,
    state    INTEGER NOT NULL, -- the descriptor's, which names what the keys mean
    delivery BLOB    NOT NULL,
    kind     TEXT    NOT NULL, -- set, once
    keys     TEXT    NOT NULL, -- JSON list
    digest   BLOB    NOT NULL,
    at       INTEGER NOT NULL,
    verdict  TEXT    NOT NULL,
    answer   BLOB              -- compressed, sealed
) STRICT;
CREATE INDEX effects_by_delivery ON effects (delivery);

-- The newest `once` of every key.
CREATE TABLE effect_keys (
    account BLOB    NOT NULL,
    state   INTEGER NOT NULL,
    key     TEXT    NOT NULL,
    effect  BLOB    NOT NULL,
    PRIMARY KEY (account, state, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    owner       BLOB    NOT NULL, -- the connection; of an identity the account
    entity_kind TEXT    NOT NULL,
    entity_id   TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    remote_id   TEXT    NOT NULL,
    digest      TEXT,
    revision    TEXT,
    url         TEXT,
    attributes  TEXT    NOT NULL, -- JSON
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (owner, entity_kind, entity_id, object)
) STRICT, WITHOUT ROWID;
CREATE INDEX links_by_remote ON links (owner, object, remote_id);

-- What a link said before it said something else.
CREATE TABLE link_history (
    id          INTEGER NOT NULL PRIMARY KEY,
    owner       BLOB    NOT NULL,
    entity_kind TEXT    NOT NULL,
    entity_id   TEXT    NOT NULL,
    object      TEXT    NOT NULL,
    remote_id   TEXT    NOT NULL,
    updated_at  INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL
) STRICT;
CREATE INDEX link_history_by_entity ON link_history (owner, entity_kind, entity_id, object);
CREATE INDEX link_history_by_time ON link_history (replaced_at);

CREATE TABLE cache (
    connection BLOB    NOT NULL,
    state      INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    value      TEXT    NOT NULL, -- JSON
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (connection, state, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX cache_by_expiry ON cache (expires_at);

-- What hosts know of accounts together: budgets, breakers, pauses.
CREATE TABLE standings (
    account  BLOB    NOT NULL,
    name     TEXT    NOT NULL,
    revision INTEGER NOT NULL,
    value    TEXT    NOT NULL, -- JSON
    PRIMARY KEY (account, name)
) STRICT, WITHOUT ROWID;

-- Identity locks. One whose lane is no longer leased with its token is free.
CREATE TABLE locks (
    account    BLOB NOT NULL,
    key        TEXT NOT NULL,
    connection BLOB NOT NULL,
    contact    TEXT NOT NULL,
    token      BLOB NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX locks_by_token ON locks (token);

-- Operation ---------------------------------------------------------------------------------------------------------

-- Connections and sources that were removed, and what they had may not be yet.
CREATE TABLE removals (
    id         BLOB    NOT NULL PRIMARY KEY,
    removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who did what.
CREATE TABLE audit (
    id      BLOB    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
