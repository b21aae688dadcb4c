namespace Qm.Fleet.Lab.Nodes;

/// <summary>The units inside a running QM: its services and its quadlets.</summary>
internal sealed class QmUnits(QmInstance qm, IBlueChi blueChi, Func<EmulatedSystemd> systemd) : IUnitSource
{
    private readonly string _generator = Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/generator");
    private readonly string _control = Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/system.control");
    private readonly string _etc = Path.Combine(qm.Node.Root, qm.Etc.TrimStart('/'));
    private readonly string _services = Path.Combine(qm.Node.Root, qm.Rootfs.TrimStart('/'), "usr/lib/systemd/system");

    public IReadOnlyList<LoadedUnit> Load()
    {
        Generate();
        return [.. new[] { _generator, _services }.Where(Directory.Exists).SelectMany(directory => Directory.GetFiles(directory, "*.service"))
            .Select(fragment => UnitFiles.Load(qm.Node.Root, fragment,
                [$"{_etc}/systemd/system.control/{Path.GetFileName(fragment)}.d", $"{_control}/{Path.GetFileName(fragment)}.d", $"{_etc}/systemd/system/{Path.GetFileName(fragment)}.d"],
                qm.Node.Machine, [$"{_etc}/systemd/system/multi-user.target.wants"]))];
    }

    public IUnitBody Body(string unit) => unit switch
    {
        "bluechi-agent.service" => new BlueChiAgentBody(Service(unit), qm.Node, blueChi, systemd, $"{_etc}/bluechi", Reaches),
        _ when File.Exists($"{_etc}/containers/systemd/{Path.GetFileNameWithoutExtension(unit)}.container") => new WorkloadBody(qm, unit),
        _ => Service(unit),
    };

    public void WriteControl(string unit, bool runtime, string file, string assignment) =>
        UnitFiles.WriteControl(runtime ? _control : $"{_etc}/systemd/system.control", unit, file, assignment);

    private ServiceBody Service(string unit) => new(qm.Node.Kernel, unit, $"{qm.Payload}/system.slice", qm.OomScoreAdjust, qm.NextPid());

    // Inside QM only a socket that a volume brings in leads out; 127.0.0.1 is QM's own.
    private bool Reaches(string address) => address.StartsWith("unix:path=", StringComparison.Ordinal)
        ? qm.OnHost(address["unix:path=".Length..]) == "/run/bluechi/bluechi.sock"
        : !address.Contains("127.0.0.1", StringComparison.Ordinal) && !address.Contains("localhost", StringComparison.Ordinal);

    private void Generate()
    {
        Directory.CreateDirectory(_generator);
        foreach (var stale in Directory.GetFiles(_generator))
        {
            File.Delete(stale);
        }

        var quadlets = $"{_etc}/containers/systemd";
        foreach (var quadlet in Directory.Exists(quadlets) ? Directory.GetFiles(quadlets, "*.container") : [])
        {
            var name = Path.GetFileNameWithoutExtension(quadlet);
            if (QuadletGenerator.Generate(quadlet, [$"{quadlet}.d"], $"/etc/containers/systemd/{name}.container") is { } text)
            {
                File.WriteAllText($"{_generator}/{name}.service", text);
            }
        }
    }
}
