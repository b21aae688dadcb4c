using System.Globalization;
using Google.Protobuf.WellKnownTypes;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>Turns what came over the wire into Core's manifests, once, unchecked.</summary>
internal static class WireManifests
{
    internal static FleetManifest ToManifest(V1.Fleet fleet) => new()
    {
        Name = fleet.Metadata?.Name ?? "",
        Labels = ToMap(fleet.Metadata?.Labels),
        Selector = fleet.Spec?.Selector ?? "",
        Environment = fleet.Spec?.Environment is { } environment ? ToManifest(environment) : null,
    };

    internal static NodeManifest ToManifest(V1.Node node) => new()
    {
        Name = node.Metadata?.Name ?? "",
        Labels = ToMap(node.Metadata?.Labels),
        Site = node.Spec?.Site ?? "",
        Cordoned = node.Spec?.Cordoned ?? false,
    };

    private static EnvironmentManifest ToManifest(V1.Environment environment) => new()
    {
        RootfsPreinstalled = environment.Rootfs?.SourceCase == V1.Rootfs.SourceOneofCase.Preinstalled,
        Resources = ToMap(environment.Resources),
        OomQm = environment.Oom is { HasQm: true } qm ? qm.Qm : null,
        OomNested = environment.Oom is { HasNested: true } nested ? nested.Nested : null,
        OomAsil = new Dictionary<string, int>(environment.Oom?.Asil ?? [], StringComparer.Ordinal),
        QmAgent = ToMap(environment.Bluechi?.Qm),
        Workloads = [.. environment.Workloads.Select(workload => new WorkloadManifest
        {
            Name = workload.Name,
            Quadlet = ToQuadlet(workload.Quadlet),
            OomScoreAdjust = workload.HasOomScoreAdjust ? workload.OomScoreAdjust : null,
        })],
    };

    // The JSON names of the limits are systemd's.
    private static Dictionary<string, string> ToMap(V1.Resources? resources) => resources is null ? [] : V1.Resources.Descriptor.Fields.InDeclarationOrder()
        .Select(field => KeyValuePair.Create(field.JsonName, (string)field.Accessor.GetValue(resources)))
        .Where(limit => limit.Value.Length > 0)
        .ToDictionary(StringComparer.Ordinal);

    private static Dictionary<string, string> ToMap(IDictionary<string, string>? map) =>
        map is null ? new(StringComparer.Ordinal) : new(map, StringComparer.Ordinal);

    private static Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>> ToQuadlet(Struct? quadlet) =>
        quadlet?.Fields.ToDictionary(
            section => section.Key,
            IReadOnlyDictionary<string, IReadOnlyList<string>> (section) => section.Value.KindCase == Value.KindOneofCase.StructValue
                ? section.Value.StructValue.Fields.ToDictionary(key => key.Key, IReadOnlyList<string> (key) => ToTexts(key.Value), StringComparer.Ordinal)
                : new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal),
            StringComparer.Ordinal) ?? [];

    private static string[] ToTexts(Value value) => value.KindCase == Value.KindOneofCase.ListValue
        ? [.. value.ListValue.Values.Select(ToText)]
        : [ToText(value)];

    // JSON has numbers and truth values where a unit file has text.
    private static string ToText(Value value) => value.KindCase switch
    {
        Value.KindOneofCase.StringValue => value.StringValue,
        Value.KindOneofCase.NumberValue => value.NumberValue.ToString(CultureInfo.InvariantCulture),
        Value.KindOneofCase.BoolValue => value.BoolValue ? "true" : "false",
        _ => "",
    };
}
