-- Archives of root file systems in the state folder; the files are named by their digest.
create table artifacts (
  sha256 text primary key check (length(sha256) = 64),
  name text not null,
  bytes integer not null check (bytes > 0),
  pushed_at integer not null,
  pushed_by text not null
) strict;
