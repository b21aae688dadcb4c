using System.Globalization;

using Qm.Fleet.BlueChi.Bus;
using Qm.Fleet.Lab.Nodes;

using Xunit;

namespace Qm.Fleet.Lab.Tests.Nodes;

/// <summary>A node in a directory of its own, under a BlueChi that takes any name.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("qmfleet-lab-test-").FullName;

    public TestNode() => Node = new EmulatedNode("ecu1", Path.Combine(_directory, "ecu1"), BlueChi, NodeTimings.Fast, TimeProvider.System);

    public AnyNameBlueChi BlueChi { get; } = new();

    public EmulatedNode Node { get; }

    public object Host(string property) => Plain(Node.Host.Properties("qm.service", "")[property]);

    public static object Plain(BusValue value) => value switch
    {
        BusValue.Text text => text.Value,
        BusValue.Boolean flag => flag.Value,
        BusValue.Int32 number => number.Value,
        BusValue.UInt32 number => number.Value,
        BusValue.UInt64 number => number.Value,
        BusValue.Bytes bytes => Convert.ToHexString(bytes.Value.AsSpan()),
        BusValue.Array array => array.Items.Select(Plain).ToArray(),
        _ => throw new ArgumentOutOfRangeException(nameof(value), value, null),
    };

    public string Cgroup(string file) => Read($"sys/fs/cgroup/qm.service/{file}");

    public string Score(object pid) => Read(string.Create(CultureInfo.InvariantCulture, $"proc/{pid}/oom_score_adj"));

    public string Read(string path) => File.ReadAllText(Path.Combine(Node.Root, path)).Trim();

    public string NestedScore(string workload)
    {
        var payload = Directory.GetDirectories(Path.Combine(Node.Root, $"sys/fs/cgroup{Node.Qm!.Payload}/system.slice/{workload}.service"), "libpod-payload-*").Single();
        return Score(File.ReadAllText(Path.Combine(payload, "cgroup.procs")).Trim());
    }

    /// <summary>Writes, or removes, a quadlet drop-in of QM.</summary>
    public void DropIn(string? content)
    {
        var path = Path.Combine(Node.Root, "etc/containers/systemd/qm.container.d/50-test.conf");
        if (content is null)
        {
            File.Delete(path);
        }
        else
        {
            File.WriteAllText(path, content);
        }
    }

    public void Workload(string name, string container) =>
        File.WriteAllText(Path.Combine(Node.Root, $"etc/qm/containers/systemd/{name}.container"), $"[Container]\n{container}\n[Install]\nWantedBy=multi-user.target\n");

    /// <summary>The states qm.service takes up from now on.</summary>
    public List<string> RecordStates()
    {
        var states = new List<string>();
        Node.Host.Changed += (unit, change) =>
        {
            if (unit.Name == "qm.service" && change == UnitChange.State)
            {
                states.Add($"{unit.ActiveState} {unit.SubState}");
            }
        };
        return states;
    }

    public ValueTask DisposeAsync()
    {
        Node.PowerOff();
        Directory.Delete(_directory, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A BlueChi that lets every node in.</summary>
internal sealed class AnyNameBlueChi : IBlueChi
{
    private readonly Dictionary<string, TaskCompletionSource> _online = [];

    public IDisposable? TryRegister(string nodeName, EmulatedSystemd systemd)
    {
        lock (_online)
        {
            Of(nodeName).TrySetResult();
            return new Connection(this, nodeName);
        }
    }

    public Task WaitForAsync(string nodeName)
    {
        lock (_online)
        {
            return Of(nodeName).Task.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }

    public bool IsRegistered(string nodeName)
    {
        lock (_online)
        {
            return _online.TryGetValue(nodeName, out var source) && source.Task.IsCompleted;
        }
    }

    private TaskCompletionSource Of(string nodeName) =>
        _online.TryGetValue(nodeName, out var source) ? source : _online[nodeName] = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Connection(AnyNameBlueChi owner, string nodeName) : IDisposable
    {
        public void Dispose()
        {
            lock (owner._online)
            {
                owner._online.Remove(nodeName);
            }
        }
    }
}
