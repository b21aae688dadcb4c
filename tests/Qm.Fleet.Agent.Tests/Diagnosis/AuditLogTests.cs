using Qm.Fleet.Agent.Diagnosis;
using Qm.Fleet.Agent.Files;

namespace Qm.Fleet.Agent.Tests.Diagnosis;

[Trait("Requirement", "QMF-DIAG-002")]
public sealed class AuditLogTests
{
    [Fact]
    public void Denials_LogAndTheOneBefore_AreTheDenialsOldestFirst() => Assert.Equal(
        "type=AVC one\ntype=USER_AVC two\ntype=SELINUX_ERR three",
        Denials(log: "type=SYSCALL x\ntype=USER_AVC two\ntype=AVC_PATH x\ntype=SELINUX_ERR three\n", before: "type=AVC one\ntype=CWD x\n"));

    // The end is what matters: of a log that is larger than what is read, the beginning is left out, and half a line is none.
    [Fact]
    public void Denials_LogLargerThanWhatIsRead_AreThoseOfItsEnd() => Assert.Equal(
        "type=AVC last", Denials(log: "type=AVC first\ntype=AVC second\ntype=AVC last\n", before: null, bytesMax: "pe=AVC second\ntype=AVC last\n".Length));

    [Fact]
    public void Denials_ManyOrLong_AreTheLastAndCut()
    {
        var denials = Denials(log: string.Concat(Enumerable.Range(0, 1500).Select(number => $"type=AVC {number} {new string('x', number == 1499 ? 10_000 : 1)}\n")), before: null)!.Split('\n');

        Assert.Equal((1000, "type=AVC 500 x"), (denials.Length, denials[0]));
        Assert.Equal(8 * 1024, denials[^1].Length);
    }

    [Fact]
    public void Denials_NoLog_IsNull() => Assert.Null(Denials(log: null, before: null));

    private static string? Denials(string? log, string? before, int? bytesMax = null)
    {
        using var node = new EmulatedNode();
        Write("audit.log", log);
        Write("audit.log.1", before);
        using var root = NodeRoot.Open(node.Root);
        return bytesMax is { } most ? AuditLog.Denials(root, most) : AuditLog.Denials(root);

        void Write(string name, string? content)
        {
            if (content is not null)
            {
                node.Write($"var/log/audit/{name}", content);
            }
        }
    }
}
