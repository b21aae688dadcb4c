-- Nodes that are retired as soon as what QM Fleet brought is off them, each with the rollout that takes it off: retire@NODE, which no fleet can be called.
create table node_removals (
  node   text primary key,
  uid    text not null unique,
  number integer not null check (number >= 1),
  reason text not null,
  actor  text not null,
  since  integer not null
) strict, without rowid;
