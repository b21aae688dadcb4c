using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Agent.Probes;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Environments;
using Qm.Fleet.Core.Supervision;

namespace Qm.Fleet.Agent.Tests.Probes;

[Trait("Requirement", "QMF-PROBE-002")]
public sealed class ExecProbeTests : IDisposable
{
    private const string Mark = "--env=QM_FLEET_PROBE=radio.service";

    private static readonly string[] Hostile =
        ["/bin/check", "; exit 9", "$(touch /tmp/x)", "`id`", "a | b", "&&", "two\nlines\tand more", "", "*", "$HOME ${PATH}", "'\"\\", "-x", "--", "%n"];

    private readonly EmulatedNode _node = new();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Exec_ArgumentsThatAShellWouldObey_ArriveAsTheyAre()
    {
        Program("podman", $"printf '%s\\0' \"$@\" >{_node.Of("argv")}");

        Assert.Equal(ProbeOutcome.Success, await ProbeAsync(Programs(), Hostile));
        Assert.Equal(["exec", Mark, "qm", "podman", "exec", Mark, "systemd-radio", .. Hostile], Recorded());
        Assert.False(File.Exists("/tmp/x"));
    }

    [Fact]
    public async Task Exec_InAUnitOfItsOwn_HasItsDollarsDoubledForSystemd()
    {
        Program("podman", "");
        Program("systemd-run", $"printf '%s\\0' \"$@\" >{_node.Of("argv")}");

        Assert.Equal(ProbeOutcome.Success, await ProbeAsync(Programs(_node.Of("bin/systemd-run")), Hostile));
        var command = Recorded().SkipWhile(word => word != "--").Skip(2).ToArray();
        Assert.Equal(["exec", Mark, "qm", "podman", "exec", Mark, "systemd-radio", .. Hostile.Select(word => word.Replace("$", "$$", StringComparison.Ordinal))], command);
    }

    [Theory]
    [InlineData("exit 0", true, "")]
    [InlineData("echo fine; exit 1", false, "exit code 1: fine")]
    [InlineData("echo no >&2; exit 3", false, "exit code 3: no")]
    [InlineData("exit 127", false, "exit code 127")]
    [InlineData("kill -9 $$", false, "exit code 137")]
    [InlineData("echo no such container >&2; exit 125", null, "podman could not run the command: no such container")]
    public async Task Exec_EachEnd_IsWhatItMeans(string script, bool? hasSucceeded, string message)
    {
        Program("podman", script);

        Assert.Equal(new ProbeOutcome(hasSucceeded, message), await ProbeAsync(Programs(), ["/bin/check"]));
    }

    [Fact]
    public async Task Exec_WithoutPodman_IsUnknown()
    {
        var outcome = await ProbeAsync(Programs(), ["/bin/check"]);

        Assert.Equal(new(null, "podman is not installed on this node."), outcome);
    }

    [Fact(Timeout = 60_000)]
    public async Task Exec_ThatDoesNotEnd_IsKilledAtItsTimeoutAndHasFailed()
    {
        Program("podman", $"echo $$ >{_node.Of("pid.new")}; mv {_node.Of("pid.new")} {_node.Of("pid")}; sleep 600");
        var time = new FakeTimeProvider();
        var probe = ProbeAsync(new NodePrograms([_node.Of("bin")], time), ["/bin/check"], time);
        await UntilAsync(() => File.Exists(_node.Of("pid")));
        var pid = (await File.ReadAllTextAsync(_node.Of("pid"), TestContext.Current.CancellationToken)).Trim();
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(ProbeOutcome.Failure("no answer within 1 s"), await probe);
        await UntilAsync(() => !Directory.Exists($"/proc/{pid}"));
    }

    [Fact]
    [Trait("Requirement", "QMF-DIAG-001")]
    public async Task Exec_ThatSaysASecretAndMuchElse_IsToldRedactedPrintableAndBounded()
    {
        Program("podman", "printf 'password=hunter2\\n\\033[31mred\\007 \\342\\200\\256back ' >&2; head -c 9000 /dev/zero | tr '\\0' x >&2; exit 1");

        var message = (await ProbeAsync(Programs(), ["/bin/check"])).Message;

        Assert.StartsWith("exit code 1: password=", message, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", message, StringComparison.Ordinal);
        Assert.DoesNotContain(message, static character => char.IsControl(character) || character == '\u202e');
        Assert.Equal(ProbeMessage.LengthMax, message.Length);
    }

    [Fact]
    public void Message_CutInAPair_HasNoHalfOfIt() => Assert.Equal(new string('x', 255), ProbeMessage.Of(new string('x', 255) + "\U0001F4FB"));

    private string[] Recorded() => File.ReadAllText(_node.Of("argv")).Split('\0')[..^1];

    private void Program(string name, string script)
    {
        _node.Write($"bin/{name}", $"#!/bin/sh\n{script}\n");
        _node.MakeExecutable($"bin/{name}");
    }

    private NodePrograms Programs(string? transientUnit = null) => new([_node.Of("bin")], TimeProvider.System, transientUnit);

    private async Task<ProbeOutcome> ProbeAsync(NodePrograms programs, string[] command, TimeProvider? time = null)
    {
        using var root = Agent.Files.NodeRoot.Open(_node.Root);
        var probe = new LivenessProbe(new ProbeAction.Exec([.. command])) { TimeoutSeconds = time is null ? 10 : 1 };
        return await new Prober(root, isMachine: false, programs, time ?? TimeProvider.System)
            .ProbeAsync(new("radio.service", "systemd-radio", probe), ScriptedProbes.Container("a"), TestContext.Current.CancellationToken);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        while (!holds())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }
}
