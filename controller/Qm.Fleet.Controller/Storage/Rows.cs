using Google.Protobuf;
using Qm.Fleet.Controller.Api;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Rollouts;

namespace Qm.Fleet.Controller.Storage;

/// <summary>A row of <c>fleets</c>.</summary>
internal sealed record FleetRow(string Name, string Uid, string Labels, string Spec, string Revision, long Generation, long CreatedAt)
{
    internal const string Columns = "name as Name, uid as Uid, labels as Labels, spec as Spec, revision as Revision, generation as Generation, created_at as CreatedAt";

    /// <summary>As the API has it, without status.</summary>
    internal V1.Fleet ToWire() => new()
    {
        Metadata = Rows.Metadata(Name, Uid, Labels, Generation, CreatedAt, "fleets"),
        Spec = Rows.Parse(V1.FleetSpec.Parser, Spec, "fleets", Name),
    };

    /// <summary>As decisions are made from it.</summary>
    internal FleetSpec ToSpec()
    {
        var parsed = FleetParser.Parse(WireManifests.ToManifest(ToWire()));
        return parsed.IsValid(out var spec) ? spec : throw new CorruptRowException("fleets", Name, string.Join("; ", parsed.Problems));
    }
}

/// <summary>A row of <c>nodes</c>.</summary>
internal sealed record NodeRow(string Name, string Uid, string Site, string Labels, long Cordoned, long Generation, long CreatedAt)
{
    internal const string Columns = "name as Name, uid as Uid, site as Site, labels as Labels, cordoned as Cordoned, generation as Generation, created_at as CreatedAt";

    /// <summary>As the API has it, without status.</summary>
    internal V1.Node ToWire() => new()
    {
        Metadata = Rows.Metadata(Name, Uid, Labels, Generation, CreatedAt, "nodes"),
        Spec = new() { Site = Site, Cordoned = Cordoned != 0 },
    };

    internal DesiredNode ToDesired() => new(Name, Site, Rows.Labels(Labels, "nodes", Name), Cordoned != 0);
}

/// <summary>A row of <c>rollouts</c>.</summary>
internal sealed record RolloutRow(string Fleet, long Number, string FromRevision, string ToRevision, long Phase, long StartedAt, long? EndedAt, string Message)
{
    internal const string Columns = "fleet as Fleet, number as Number, from_revision as FromRevision, to_revision as ToRevision, phase as Phase, started_at as StartedAt, ended_at as EndedAt, message as Message";

    internal StoredRollout ToStored() =>
        new(Fleet, (int)Number, FromRevision, ToRevision, (RolloutPhase)Phase, StartedAt.ToTime(), EndedAt?.ToTime(), Message);
}

/// <summary>A row of <c>revisions</c>.</summary>
internal sealed record RevisionRow(string Fleet, string Sha256, long Number, string Environment, long CreatedAt)
{
    internal const string Columns = "fleet as Fleet, sha256 as Sha256, number as Number, environment as Environment, created_at as CreatedAt";

    internal V1.Revision ToWire() => new()
    {
        Metadata = new()
        {
            Name = Sha256[..Canonical.NameLength],
            Uid = Sha256,
            Generation = 1,
            CreatedAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(CreatedAt.ToTime()),
        },
        Fleet = Fleet,
        Environment = Rows.Parse(V1.Environment.Parser, Environment, "revisions", $"{Fleet}/{Sha256}"),
    };
}

/// <summary>What rows have in common.</summary>
internal static class Rows
{
    internal static string ToJson(IMessage message) => JsonFormatter.Default.Format(message);

    internal static string ToJson(IEnumerable<KeyValuePair<string, string>> labels)
    {
        var metadata = new V1.Metadata();
        foreach (var (key, value) in labels.OrderBy(label => label.Key, StringComparer.Ordinal))
        {
            metadata.Labels[key] = value;
        }

        return ToJson(metadata);
    }

    internal static T Parse<T>(MessageParser<T> parser, string json, string table, string key)
        where T : IMessage<T>
    {
        try
        {
            return parser.ParseJson(json);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new CorruptRowException(table, key, e.Message, e);
        }
    }

    internal static IReadOnlyDictionary<string, string> Labels(string json, string table, string key) =>
        new Dictionary<string, string>(Parse(V1.Metadata.Parser, json, table, key).Labels, StringComparer.Ordinal);

    internal static V1.Metadata Metadata(string name, string uid, string labels, long generation, long createdAt, string table)
    {
        var metadata = Parse(V1.Metadata.Parser, labels, table, name);
        metadata.Name = name;
        metadata.Uid = uid;
        metadata.Generation = generation;
        metadata.CreatedAt = Google.Protobuf.WellKnownTypes.Timestamp.FromDateTimeOffset(createdAt.ToTime());
        return metadata;
    }

    /// <summary>128 random bits, 32 hex digits.</summary>
    internal static string NewUid() => Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
}
