using System.Globalization;
using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>Rollouts: FLEET/NUMBER, or FLEET for its newest.</summary>
internal sealed class RolloutKind() : ResourceKind(ResourceKind.Rollout, "ro")
{
    internal override bool HasFields => true;

    internal override string[] Header => ["ROLLOUT", "FROM", "TO", "PHASE", "BEGAN", "TOOK", "MESSAGE"];

    internal override async Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct)
    {
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        var number = 0;
        return slash < 0 || int.TryParse(name.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number)
            ? [await connection.Rollouts.GetAsync(new() { Fleet = slash < 0 ? name : name[..slash], Number = number }, cancellationToken: ct)]
            : throw new CliException(ExitCode.Invalid, $"rollout {name}: expected a fleet and a number, such as cockpit/7, or a fleet for its newest");
    }

    internal override Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct) => ListAsync(connection, "", query.Fields, ct);

    /// <summary>The rollouts of one fleet, newest first.</summary>
    internal static async Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, string fleet, string fields, CancellationToken ct) => await Pages.ReadAsync(
        token => connection.Rollouts.ListAsync(new() { Fleet = fleet, FieldSelector = fields, PageToken = token }, cancellationToken: ct).ResponseAsync,
        page => page.Rollouts, page => page.NextPageToken);

    internal override string NameOf(IMessage resource) => ((V1.Rollout)resource).Name;

    internal override (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now)
    {
        var rollout = (V1.Rollout)resource;
        return ([
            rollout.Name, Or(rollout.FromRevision), Or(rollout.ToRevision), rollout.Phase.ToString(), Durations.Since(rollout.StartedAt, now),
            Durations.Between(rollout.StartedAt, rollout.EndedAt), Or(rollout.Message),
        ], []);
    }
}
