-- Since when a fleet is being deleted; null while it is wanted.
alter table fleets add column deleting_since integer;
-- How long a node took from its turn to Ready, microseconds; null before.
alter table rollout_members add column took integer;
-- Revisions are kept as long as the fleet's revisionHistoryLimit says, and where nodes have them; what one holds never changes.
drop trigger revisions_are_not_deleted;
create index rollouts_by_revision on rollouts (fleet, to_revision);
