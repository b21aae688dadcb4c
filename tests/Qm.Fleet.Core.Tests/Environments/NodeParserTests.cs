using Qm.Fleet.Core.Environments;
using Xunit;

namespace Qm.Fleet.Core.Tests.Environments;

[Trait("Requirement", "QMF-CORE-004")]
public sealed class NodeParserTests
{
    [Fact]
    public void Parse_ValidNode_GetsTheDefaultSite()
    {
        Assert.True(NodeParser.Parse(new() { Name = "ecu-1.Front_2", Labels = Manifest.Map(("zone", "cockpit")), Cordoned = true }).IsValid(out var node));
        Assert.Equal(("ecu-1.Front_2", "local", true), (node.Name, node.Site, node.Cordoned));
        Assert.Equal("cockpit", node.Labels["zone"]);
    }

    [Theory]
    [InlineData("", "a name is required")]
    [InlineData("qm.ecu1", "is how BlueChi knows the QM of a node, not a node; use \"ecu1\"")]
    [InlineData("qm.", "is how BlueChi knows the QM of a node")]
    [InlineData("ecu 1", "holds other characters")]
    [InlineData("ecu1,ecu2", "holds other characters")]
    [InlineData("ecu1]", "holds other characters")]
    [InlineData("ecu1\n", "holds other characters")]
    [InlineData("..", "does not begin with a letter or digit")]
    public void Parse_NameThatBlueChiWouldMisread_IsRefused(string name, string reason)
    {
        var problem = Assert.Single(NodeParser.Parse(new() { Name = name }).Problems);

        Assert.Equal("metadata.name", problem.Path);
        Assert.Contains(reason, problem.Message, StringComparison.Ordinal);
    }

    // "[node qm.NAME]" keeps 44 bytes, of which "qm." takes three.
    [Theory]
    [InlineData(41, true)]
    [InlineData(42, false)]
    public void Parse_Name_LeavesRoomForThatOfItsQm(int length, bool taken) =>
        Assert.Equal(taken, NodeParser.Parse(new() { Name = new string('e', length) }).Problems.Count == 0);

    [Fact]
    public void Parse_NodeWithSeveralMistakes_ReportsThemAllAtOnce() =>
        Assert.Equal(
            ["metadata.name", "metadata.labels[a b]", "spec.site"],
            NodeParser.Parse(new() { Name = "", Labels = Manifest.Map(("a b", "c")), Site = "North" }).Problems.Select(problem => problem.Path));
}
