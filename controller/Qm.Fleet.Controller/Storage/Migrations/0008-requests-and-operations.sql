-- Answers to calls that named a request id: whoever repeats the call within a day gets the answer of the first, and nothing is done again.
create table requests (
  id          text primary key,
  method      text not null,
  actor       text not null,
  hash        blob not null,
  answer      blob not null,
  answered_at integer not null
) strict;
create index requests_by_age on requests (answered_at);

-- How many there are and how much they hold, so that nobody has to count them.
create table request_totals (
  number integer not null check (number >= 0),
  bytes  integer not null check (bytes >= 0)
) strict;
insert into request_totals (number, bytes) values (0, 0);
create trigger requests_added after insert on requests begin
  update request_totals set number = number + 1, bytes = bytes + length(new.answer);
end;
create trigger requests_removed after delete on requests begin
  update request_totals set number = number - 1, bytes = bytes - length(old.answer);
end;

-- What was asked of units, and what came of it. The unit's state before is what the truth is read back by when nobody heard how it ended.
create table operations (
  id            text primary key,
  kind          integer not null check (kind between 1 and 7),
  node          text not null,
  unit          text not null,
  actor         text not null,
  reason        text not null,
  properties    text not null check (json_type(properties) = 'object'),
  active_state  text not null,
  invocation_id text not null,
  message       text not null,
  error         text not null,
  cancelled_by  text not null,
  started_at    integer not null,
  ended_at      integer
) strict;
create index operations_by_age on operations (started_at, id);
create index operations_open on operations (id) where ended_at is null;

alter table rollouts add column actor text not null default '';
create index rollouts_by_age on rollouts (started_at);
