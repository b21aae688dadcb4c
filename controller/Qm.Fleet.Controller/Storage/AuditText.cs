using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.Shared;

namespace Qm.Fleet.Controller.Storage;

/// <summary>What the audit trail keeps of a resource before and after a change: JSON, without secrets, and bounded.</summary>
internal static class AuditText
{
    /// <summary>Most bytes of one: 64 KiB. Of more than that, only size and digest are kept.</summary>
    public const int MostBytes = 64 * 1024;

    private const string EnvironmentKey = "Environment";

    /// <summary>A fleet: name, labels and spec.</summary>
    public static string Of(StoredFleet? fleet) =>
        fleet is null ? "" : Of(new V1.Fleet { Metadata = new V1.Metadata { Name = fleet.Name, Labels = { fleet.Labels.ToDictionary() } }, Spec = Redacted(fleet.Wire) });

    /// <summary>A node: name, labels and spec.</summary>
    public static string Of(StoredNode? node) => node is null ? "" : Of(new V1.Node
    {
        Metadata = new V1.Metadata { Name = node.Name, Labels = { node.Labels.ToDictionary() } },
        Spec = new V1.NodeSpec { Site = node.Site, Cordoned = node.Cordoned, Maintenance = node.Maintenance },
    });

    /// <summary>A rollout: where it leads, how far it is, and what stopped it.</summary>
    public static string Of(StoredRollout? rollout) => rollout is null ? "" : Of(Fields(
        ("name", $"{rollout.Fleet}/{rollout.Number}"), ("fromRevision", rollout.State.From), ("toRevision", rollout.State.To), ("phase", $"{rollout.State.Phase}"), ("stop", $"{rollout.State.Stop}")));

    /// <summary>A few fields, each with its text.</summary>
    public static Struct Fields(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var wire = new Struct();
        foreach (var (name, value) in fields)
        {
            wire.Fields[name] = Value.ForString(value);
        }
        return wire;
    }

    /// <summary>A message, without what looks like a secret in any of its texts.</summary>
    public static string Of(IMessage message)
    {
        var text = JsonFormatter.Default.Format(RedactedMessage.Of(message));
        var bytes = Encoding.UTF8.GetBytes(text);
        return bytes.Length <= MostBytes ? text : JsonFormatter.Default.Format(Fields(
            ("omitted", FormattableString.Invariant($"{bytes.Length} bytes; at most {MostBytes} are kept")), ("sha256", Convert.ToHexStringLower(SHA256.HashData(bytes)))));
    }

    // People put passwords into the environment of a workload.
    private static V1.FleetSpec Redacted(V1.FleetSpec spec)
    {
        var wire = spec.Clone();
        foreach (var section in wire.Environment?.Workloads.Where(static workload => workload.Quadlet is not null).SelectMany(static workload => workload.Quadlet.Fields.Values) ?? [])
        {
            if (section.KindCase == Value.KindOneofCase.StructValue && section.StructValue.Fields.TryGetValue(EnvironmentKey, out var value))
            {
                section.StructValue.Fields[EnvironmentKey] = Redacted(value);
            }
        }
        return wire;
    }

    private static Value Redacted(Value value) => value.KindCase == Value.KindOneofCase.ListValue
        ? Value.ForList([.. value.ListValue.Values.Select(Redacted)])
        : Value.ForString(value.StringValue.Split('=', 2) is [var name, _] ? $"{name}={Redactor.Mark}" : Redactor.Mark);
}
