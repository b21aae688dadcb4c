using Google.Protobuf;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;

namespace Qm.Fleet.Cli.Kinds;

/// <summary>A kind of resource: what people call it, how it is asked for, and how it is shown.</summary>
/// <param name="name">In the singular, as it stands in KIND/NAME.</param>
/// <param name="abbreviation">As kubectl has them.</param>
internal abstract class ResourceKind(string name, string abbreviation)
{
    internal const string Node = "node";
    internal const string Fleet = "fleet";
    internal const string Revision = "revision";
    internal const string Event = "event";
    internal const string Operation = "operation";
    internal const string Site = "site";
    internal const string Rollout = "rollout";
    internal const string Enrollment = "enrollment";

    /// <summary>Every kind, those asked for most first.</summary>
    internal static readonly IReadOnlyList<ResourceKind> All =
        [new NodeKind(), new FleetKind(), new RevisionKind(), new RolloutKind(), new OperationKind(), new EventKind(), new SiteKind(), new EnrollmentKind()];

    internal string Name { get; } = name;

    internal string Plural => Name + "s";

    internal string Abbreviation { get; } = abbreviation;

    /// <summary>Whether -l can choose among them.</summary>
    internal virtual bool HasLabels => false;

    /// <summary>Whether --field-selector can choose among them.</summary>
    internal virtual bool HasFields => false;

    internal abstract string[] Header { get; }

    internal virtual string[] MoreHeader => [];

    /// <summary>The kind that people call so, in the singular, in the plural or for short; null when there is none.</summary>
    internal static ResourceKind? Find(string word) =>
        All.FirstOrDefault(kind => word.ToLowerInvariant() is var lower && (lower == kind.Name || lower == kind.Plural || lower == kind.Abbreviation));

    /// <summary>Those of a name: one, but for revisions, which two fleets may have of the same name.</summary>
    /// <exception cref="CliException">The name cannot be one of the kind, or there is none of it.</exception>
    internal abstract Task<IReadOnlyList<IMessage>> GetAsync(FleetConnection connection, string name, CancellationToken ct);

    /// <summary>All that a query chooses.</summary>
    internal abstract Task<IReadOnlyList<IMessage>> ListAsync(FleetConnection connection, ResourceQuery query, CancellationToken ct);

    /// <summary>What happens to them; null for kinds that nobody tells changes of.</summary>
    internal virtual Watching? Watch(FleetConnection connection, CliContext context, ResourceQuery query) => null;

    /// <summary>Whether a watch tells what there is first, and says when that is over.</summary>
    internal virtual bool HasSnapshot => true;

    /// <summary>Chooses the one of a name.</summary>
    internal virtual ResourceQuery QueryOf(string name) => new("", $"metadata.name={name}");

    /// <summary>The name as other verbs take it.</summary>
    internal abstract string NameOf(IMessage resource);

    /// <summary>The columns of <see cref="Header"/> and <see cref="MoreHeader"/>.</summary>
    internal abstract (string[] Cells, string[] More) Row(IMessage resource, DateTimeOffset now);

    public override string ToString() => Name;

    internal Listing List(IEnumerable<IMessage> resources, DateTimeOffset now) => new(Name, Header, MoreHeader, [.. resources.Select(resource =>
    {
        var (cells, more) = Row(resource, now);
        return new ListedResource(NameOf(resource), resource, cells, more);
    })]);

    private protected static string Or(string? text) => text is { Length: > 0 } ? text : "-";
}
