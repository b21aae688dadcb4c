-- What was done about failures, so that a controller that starts anew keeps to the same budgets, and to its quarantines.
create table supervision (
  scope text not null check (scope in ('node', 'fleet')),
  name  text not null,
  state text not null check (json_valid(state)),
  primary key (scope, name)
) strict, without rowid;

alter table nodes add column maintenance integer not null default 0 check (maintenance in (0, 1));
