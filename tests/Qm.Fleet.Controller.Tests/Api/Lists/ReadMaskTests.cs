using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Qm.Fleet.Controller.Api.Lists;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Tests.Api.Lists;

[Trait("Requirement", "QMF-API-040")]
public sealed class ReadMaskTests
{
    private static readonly V1.Fleet Fleet = new()
    {
        Metadata = new() { Name = "cockpit", Uid = "1", Labels = { ["program"] = "atlas" }, CreatedAt = new() { Seconds = 7 } },
        Spec = Samples.Fleet().Spec,
        Status = new() { Nodes = 3, Conditions = { new V1.Condition { Type = "Converged", Reason = "AllReady" }, new V1.Condition { Type = "SelectorOverlap", Reason = "None" } } },
    };

    [Fact]
    public void Apply_NoPathsOrAll_IsTheResourceItself()
    {
        Assert.Same(Fleet, ReadMask.Check(V1.Fleet.Descriptor, null).Apply(Fleet));
        Assert.Same(Fleet, ReadMask.Check(V1.Fleet.Descriptor, new()).Apply(Fleet));
        Assert.Same(Fleet, ReadMask.Check(V1.Fleet.Descriptor, Mask("*")).Apply(Fleet));
    }

    [Fact]
    public void Apply_Paths_IsOnlyWhatTheyName()
    {
        var before = Fleet.Clone();

        var masked = ReadMask.Check(V1.Fleet.Descriptor, Mask("metadata.name", "metadata.labels", "metadata.createdAt", "status.nodes", "status.conditions.type", "spec.environment.oom.asil")).Apply(Fleet);

        Assert.Equal(
            new V1.Fleet
            {
                Metadata = new() { Name = "cockpit", Labels = { ["program"] = "atlas" }, CreatedAt = new() { Seconds = 7 } },
                Spec = new() { Environment = new() { Oom = new() { Asil = { ["brake-control.service"] = -1000 } } } },
                Status = new() { Nodes = 3, Conditions = { new V1.Condition { Type = "Converged" }, new V1.Condition { Type = "SelectorOverlap" } } },
            },
            masked);
        Assert.Equal(before, Fleet);
    }

    [Theory]
    [InlineData("metadata", "metadata.name")]
    [InlineData("metadata.name", "metadata")]
    public void Apply_WholeAndPart_IsTheWhole(string first, string second) =>
        Assert.Equal(new V1.Fleet { Metadata = Fleet.Metadata }, ReadMask.Check(V1.Fleet.Descriptor, Mask(first, second)).Apply(Fleet));

    [Fact]
    public void Apply_FieldsThatAreNotSet_StayUnset() =>
        Assert.Equal(new V1.Fleet { Metadata = new() { Name = "a" } }, ReadMask.Check(V1.Fleet.Descriptor, Mask("metadata.name", "status.rollout.phase", "spec.rollout", "metadata.uid")).Apply(new V1.Fleet { Metadata = new() { Name = "a" } }));

    [Fact]
    public void Check_WhatThereIsNot_IsRefusedWithWhatThereIs()
    {
        var error = Assert.Throws<RpcException>(() => ReadMask.Check(V1.Node.Descriptor, Mask("metadata.nam", "spec", "metadata.labels.zone", "metadata.created_at.seconds", "a b", "")));

        var told = error.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations;
        Assert.All(told, static problem => Assert.Equal("read_mask", problem.Field));
        Assert.Equal(
            [
                "metadata.nam does not exist; in metadata there are name, labels, uid, generation, created_at",
                "metadata.labels.zone does not exist; metadata.labels is answered whole or not at all",
                "metadata.created_at.seconds does not exist; metadata.created_at is answered whole or not at all",
                "\"a b\" is not a field; expected names of letters, digits and '_' joined by dots, such as metadata.name",
                "a field is missing",
            ],
            told.Select(static problem => problem.Description));
    }

    [Fact]
    public void Read_TooManyPaths_IsRefusedInOneSentence()
    {
        var problems = new List<Problem>();

        ReadMask.Read(V1.Node.Descriptor, Mask([.. Enumerable.Repeat("spec", ReadMask.MaxPaths + 1)]), problems);

        Assert.Contains("at most 256", Assert.Single(problems).Message, StringComparison.Ordinal);
    }

    private static FieldMask Mask(params string[] paths) => new() { Paths = { paths } };
}
