using System.Text.RegularExpressions;
using Google.Api;
using Google.Protobuf.Reflection;
using Qm.Fleet.Lab.V1;
using Qm.Fleet.V1;
using Xunit;

namespace Qm.Fleet.Protos.Tests;

/// <summary>Holds still what is on the wire: clients and agents of every version depend on it.</summary>
public sealed partial class WireTests
{
    private static readonly FileDescriptor[] Files =
    [
        ArtifactReflection.Descriptor, MetaReflection.Descriptor, EnvironmentReflection.Descriptor, ResourcesReflection.Descriptor, GatewayReflection.Descriptor, ChecksReflection.Descriptor,
        EffectiveReflection.Descriptor, RolloutReflection.Descriptor, SupervisionReflection.Descriptor, PlanReflection.Descriptor, UnitReflection.Descriptor, V1.LogReflection.Descriptor, LabReflection.Descriptor,
        FleetServiceReflection.Descriptor, RevisionServiceReflection.Descriptor, RolloutServiceReflection.Descriptor, NodeServiceReflection.Descriptor, EventServiceReflection.Descriptor,
        DiagnosticsServiceReflection.Descriptor, OperationServiceReflection.Descriptor, SiteServiceReflection.Descriptor, AccessServiceReflection.Descriptor, ServerServiceReflection.Descriptor,
        V1.UsageReflection.Descriptor, CapacityReflection.Descriptor, TopReflection.Descriptor, AuditServiceReflection.Descriptor, EnrollmentServiceReflection.Descriptor,
        PkiServiceReflection.Descriptor,
        HostUnitServiceReflection.Descriptor,
    ];

    private static string[] ProtoFiles => Directory.GetFiles(Checkout.Of("protos/qm"), "*.proto", SearchOption.AllDirectories);

    private static string Golden => Checkout.Of("tests/Qm.Fleet.Protos.Tests/wire.txt");

    [Fact]
    [Trait("Requirement", "QMF-API-004")]
    public void Wire_EverythingThatWasThere_IsThereStill()
    {
        string[] now = [.. Files.SelectMany(Lines).Order(StringComparer.Ordinal)];
        if (System.Environment.GetEnvironmentVariable("UPDATE_GOLDEN") == "1")
        {
            File.WriteAllLines(Golden, now);
        }

        var frozen = File.ReadAllLines(Golden);

        Assert.NotEmpty(frozen);
        Assert.Equal(frozen, now);
    }

    [Fact]
    public void Wire_EveryProtoFile_IsLookedAt() => Assert.Equal(
        ProtoFiles.Select(Path.GetFileName).Order(),
        Files.Select(file => Path.GetFileName(file.Name)).Order());

    [Fact]
    public void Protos_EveryDefinition_HasAComment() => Assert.All(ProtoFiles, path =>
    {
        var lines = File.ReadAllLines(path);
        for (var index = 1; index < lines.Length; index++)
        {
            Assert.False(Definition().IsMatch(lines[index]) && !lines[index - 1].TrimStart().StartsWith("//", StringComparison.Ordinal),
                $"{Path.GetFileName(path)}:{index + 1}: no comment: {lines[index].Trim()}");
        }
    });

    [Fact]
    public void Resources_JsonNames_AreSystemds() => Assert.Equal(
        ["CPUWeight", "CPUQuota", "AllowedCPUs", "MemoryMin", "MemoryLow", "MemoryHigh", "MemoryMax", "MemorySwapMax", "IOWeight", "TasksMax", "IOReadBandwidthMax", "IOWriteBandwidthMax", "IOReadIOPSMax", "IOWriteIOPSMax",
                "ManagedOOMSwap", "ManagedOOMMemoryPressure", "ManagedOOMMemoryPressureLimit", "ManagedOOMPreference"],
        V1.Resources.Descriptor.Fields.InDeclarationOrder().Select(field => field.JsonName));

    private static IEnumerable<string> Lines(FileDescriptor file) =>
    [
        .. file.MessageTypes.SelectMany(Lines),
        .. file.EnumTypes.SelectMany(Lines),
        .. file.Services.SelectMany(service => service.Methods.Select(method =>
            $"rpc {method.FullName} {(method.IsClientStreaming ? "stream " : "")}{method.InputType.FullName} -> {(method.IsServerStreaming ? "stream " : "")}{method.OutputType.FullName}")),
        .. file.Services.SelectMany(service => service.Methods).SelectMany(Routes),
    ];

    private static IEnumerable<string> Routes(MethodDescriptor method) => method.GetOptions()?.GetExtension(AnnotationsExtensions.Http) is { } rule
        ? rule.AdditionalBindings.Prepend(rule).Select(binding => $"route {method.FullName} {Route(binding)}{(binding.Body.Length == 0 ? "" : $" body {binding.Body}")}")
        : [];

    private static string Route(HttpRule rule) => rule.PatternCase switch
    {
        HttpRule.PatternOneofCase.Get => $"GET {rule.Get}",
        HttpRule.PatternOneofCase.Post => $"POST {rule.Post}",
        HttpRule.PatternOneofCase.Put => $"PUT {rule.Put}",
        HttpRule.PatternOneofCase.Patch => $"PATCH {rule.Patch}",
        HttpRule.PatternOneofCase.Delete => $"DELETE {rule.Delete}",
        var other => throw new InvalidOperationException($"a rule of {other}, which no client here speaks"),
    };

    private static IEnumerable<string> Lines(MessageDescriptor message) =>
    [
        .. message.Fields.InFieldNumberOrder().Select(field =>
            $"field {message.FullName} {field.FieldNumber} {field.Name} {field.JsonName} {(field.IsRepeated ? "repeated " : "")}{field.FieldType}{(field.FieldType == FieldType.Message ? " " + field.MessageType.FullName : "")}"),
        .. message.NestedTypes.SelectMany(Lines),
        .. message.EnumTypes.SelectMany(Lines),
    ];

    private static IEnumerable<string> Lines(EnumDescriptor type) => type.Values.Select(value => $"value {type.FullName} {value.Number} {value.Name}");

    [GeneratedRegex(@"^\s*(message|enum|service|rpc|oneof)\s+\w|^\s*(repeated |optional |map<)?[\w.<>, ]+ \w+ = \d+( \[.*\])?;")]
    private static partial Regex Definition();
}
