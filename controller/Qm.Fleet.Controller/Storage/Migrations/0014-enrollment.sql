-- Who asks to join and was not let in yet, by name and key.
create table enrollments (
  node text not null,
  fingerprint text not null check (length(fingerprint) = 64),
  state integer not null,
  address text not null,
  since integer not null,
  expires_at integer not null,
  decided_by text not null default '',
  reason text not null default '',
  primary key (node, fingerprint)
) strict, without rowid;
create index enrollments_of_an_address on enrollments (address);

-- The key that a name was last issued for, and that of the certificate that asked for it: the way back of a node that was killed before it used the new one. No private key is ever here. The
-- certificate is empty where it was made by hand, and its end then not known.
create table enrolled_keys (
  node text primary key,
  fingerprint text not null check (length(fingerprint) = 64),
  previous text not null,
  certificate text not null,
  issued_at integer not null,
  expires_at integer not null,
  let_in_by text not null
) strict;

-- What lets nodes join without a person. A token's secret is not here, its SHA-256 is.
create table join_tokens (
  name text primary key,
  id text not null unique,
  hash blob not null check (length(hash) = 32),
  nodes text not null,
  site text not null,
  uses integer not null check (uses <= max_uses),
  max_uses integer not null,
  created_at integer not null,
  expires_at integer not null,
  created_by text not null
) strict;
