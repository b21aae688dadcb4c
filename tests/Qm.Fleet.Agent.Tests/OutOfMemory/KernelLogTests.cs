using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.OutOfMemory;

namespace Qm.Fleet.Agent.Tests.OutOfMemory;

[Trait("Requirement", "QMF-OOM-001")]
public sealed class KernelLogTests : IDisposable
{
    private readonly EmulatedNode _node = new();
    private readonly NodeRoot _root;

    public KernelLogTests() => _root = NodeRoot.Open(_node.Root);

    public void Dispose()
    {
        _root.Dispose();
        _node.Dispose();
    }

    [Fact]
    public void Read_AFileThatGrows_TellsEachRecordOnce()
    {
        using var log = new KernelLog(_root);
        Assert.Empty(log.Read());
        Assert.Contains("/dev/kmsg", log.Problem, StringComparison.Ordinal);

        _node.Write("dev/kmsg", "5,0,0,-;Linux version\n SUBSYSTEM=acpi\n6,1,10,-;fir");
        Assert.Equal(["Linux version"], log.Read().Select(record => record.Text));
        Assert.Equal("", log.Problem);
        File.AppendAllText(_node.Of("dev/kmsg"), "st\n6,2,20,-;second\n");
        Assert.Equal(["first", "second"], log.Read().Select(record => record.Text));
        Assert.Empty(log.Read());
    }

    [Fact]
    public void Read_AFileThatABootReplaced_BeginsAnew()
    {
        using var log = new KernelLog(_root);
        _node.Write("dev/kmsg", "5,0,0,-;Linux version one\n");
        Assert.Single(log.Read());
        File.Delete(_node.Of("dev/kmsg"));
        _node.Write("dev/kmsg", "5,0,0,-;Linux version two\n6,1,1,-;more\n");
        Assert.Empty(log.Read());
        Assert.Equal(["Linux version two", "more"], log.Read().Select(record => record.Text));
    }

    [Fact]
    public void Read_BytesWithoutALine_AreGivenUpAndWhatFollowsIsRead()
    {
        using var log = new KernelLog(_root);
        _node.Write("dev/kmsg", $"{new string('x', 100_000)}\n6,1,1,-;after\n");
        Assert.Equal(["after"], log.Read().Select(record => record.Text));
    }

    [Fact]
    public void Read_ThisMachinesDevice_IsReadOrSaysWhyNot()
    {
        using var machine = NodeRoot.Open("/");
        using var log = new KernelLog(machine);
        var records = log.Read().ToArray();
        Assert.True(records.Length > 0 || log.Problem.Contains("/dev/kmsg", StringComparison.Ordinal) || File.Exists("/dev/kmsg"), log.Problem);
        Assert.Equal(records.Select(record => record.Sequence).Order(), records.Select(record => record.Sequence));
    }
}
