-- Who may do what: roles that people made, who has which, and the tokens of automation. A token's secret is not here, its SHA-256 is.
create table access_roles (
  name text primary key,
  rules text not null
) strict;

create table access_bindings (
  name text primary key,
  subject text not null,
  role text not null,
  scope text not null
) strict;

create table access_tokens (
  name text primary key,
  id text not null unique,
  hash blob not null check (length(hash) = 32),
  role text not null,
  scope text not null,
  created_at integer not null,
  expires_at integer not null,
  created_by text not null
) strict;
