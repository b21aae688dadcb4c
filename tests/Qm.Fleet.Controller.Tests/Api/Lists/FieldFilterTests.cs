using Google.Protobuf.Reflection;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Tests.Api.Lists;

[Trait("Requirement", "QMF-API-040")]
public sealed class FieldFilterTests
{
    private static readonly V1.Node Node = new()
    {
        Metadata = new() { Name = "ecu1", Generation = 7 },
        Spec = new() { Site = "local", Cordoned = true },
        Status = new()
        {
            Phase = new() { Phase = V1.NodePhase.Types.Phase.QmDown },
            Step = new() { Message = "waits, for = \\" },
        },
    };

    [Theory]
    [InlineData("", true)]
    [InlineData("metadata.name=ecu1", true)]
    [InlineData("metadata.name==ecu2", false)]
    [InlineData("metadata.name!=ecu2", true)]
    [InlineData("metadata.name=ECU1", false)]
    [InlineData("metadata.generation=7", true)]
    [InlineData("metadata.generation=07", true)]
    [InlineData("metadata.generation=-7", false)]
    [InlineData("spec.cordoned=true", true)]
    [InlineData("spec.cordoned=True", true)]
    [InlineData("spec.maintenance=false", true)]
    [InlineData("status.phase.phase=qm_down", true)]
    [InlineData("status.phase.phase!=QM_DOWN", false)]
    [InlineData("status.desiredRevision=", true)]
    [InlineData("status.desired_revision=", true)]
    [InlineData("status.report.revision=", true)]
    [InlineData("status.report.revision!=", false)]
    [InlineData(@"status.step.message=waits\, for \= \\", true)]
    [InlineData("metadata.name=ecu1,spec.cordoned=false", false)]
    public void Matches_Node_IsWhetherEveryConditionHolds(string selector, bool expected)
    {
        var problems = new List<Problem>();

        Assert.Equal(expected, FieldFilter.Read(V1.Node.Descriptor, selector, problems).Matches(Node));
        Assert.Empty(problems);
    }

    [Theory]
    [InlineData("metadata.nam=a", "metadata.nam does not exist; known are metadata.name, metadata.uid, metadata.generation")]
    [InlineData("spec=a", "spec cannot be selected by; known are spec.site, spec.cordoned, spec.maintenance")]
    [InlineData("metadata.labels=a", "metadata.labels cannot be selected by; known are metadata.name")]
    [InlineData("metadata.created_at=a", "metadata.created_at cannot be selected by")]
    [InlineData("metadata.created_at.seconds=1", "metadata.created_at.seconds cannot be selected by")]
    [InlineData("status.conditions.type=Ready", "status.conditions.type cannot be selected by")]
    [InlineData("metadata.name.x=a", "metadata.name.x cannot be selected by")]
    [InlineData("spec.cordoned=yes", "\"yes\" is not true or false")]
    [InlineData("metadata.generation=1.5", "\"1.5\" is not a whole number")]
    [InlineData("status.phase.phase=BAD", "\"BAD\" is not one of PHASE_UNSPECIFIED, HEALTHY, DEGRADED")]
    public void Read_WhatCannotBeSelectedBy_IsRefusedWithWhatCan(string selector, string expected)
    {
        var problems = new List<Problem>();

        FieldFilter.Read(V1.Node.Descriptor, selector, problems);

        var problem = Assert.Single(problems);
        Assert.Equal("field_selector", problem.Path);
        Assert.Contains(expected, problem.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_SeveralMistakes_TellsEach()
    {
        var problems = new List<Problem>();

        FieldFilter.Read(V1.Node.Descriptor, "nope=1,spec.site=local,spec.cordoned=maybe", problems);

        Assert.Equal(["at character 1", "at character 24"], problems.Select(static problem => problem.Message.Split(':')[0]));
    }

    [Theory]
    [InlineData("status.desiredRevision==a,spec.cordoned=TRUE", "status.desired_revision=a,spec.cordoned=True")]
    [InlineData("status.phase.phase=qm_down", "status.phase.phase=3")]
    public void ToString_SameConditions_IsTheSame(string selector, string expected) =>
        Assert.Equal(expected, FieldFilter.Read(V1.Node.Descriptor, selector, []).ToString());

    // Every field of every resource that is listed, as its descriptor has it: what can be selected by is, and what cannot is refused; nothing throws.
    [Fact]
    public void Read_EveryFieldOfEveryResource_IsReadOrRefused() => Assert.All(
        new[] { V1.Node.Descriptor, V1.Fleet.Descriptor, V1.Rollout.Descriptor, V1.Event.Descriptor, V1.Operation.Descriptor, V1.Revision.Descriptor, V1.Site.Descriptor },
        static type =>
        {
            foreach (var (path, field) in Paths(type, "", 0))
            {
                var (selecting, sorting) = (new List<Problem>(), new List<Problem>());
                var value = field.FieldType == FieldType.Enum ? field.EnumType.Values[0].Name : field.FieldType == FieldType.Bool ? "false" : "0";

                var filter = FieldFilter.Read(type, $"{path}={value}", selecting);
                var order = ListOrder.Read(type, path, sorting);
                var empty = type.Parser.ParseFrom([]);

                var isValue = !field.IsRepeated && field.FieldType is not (FieldType.Message or FieldType.Bytes);
                Assert.Equal(isValue, selecting.Count == 0);
                Assert.Equal(isValue && field.FieldType != FieldType.String, selecting.Count == 0 && !filter.IsEverything && filter.Matches(empty));
                Assert.Equal(SortValue.IsSortable(field), sorting.Count == 0);
                Assert.Equal(0, order.Compare(order.PositionOf(empty, "a"), order.PositionOf(empty, "a")));
            }
        });

    private static IEnumerable<(string Path, FieldDescriptor Field)> Paths(MessageDescriptor type, string prefix, int depth) =>
        type.Fields.InFieldNumberOrder().SelectMany(field => MessageFields.LeadsOn(field) && depth < 6
            ? Paths(field.MessageType, $"{prefix}{field.Name}.", depth + 1).Prepend((prefix + field.Name, field))
            : [(prefix + field.Name, field)]);
}
