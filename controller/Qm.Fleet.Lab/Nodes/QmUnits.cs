namespace Qm.Fleet.Lab.Nodes;

/// <summary>The units inside a running QM: its services and its quadlets.</summary>
internal sealed class QmUnits(QmInstance qm, IBlueChi blueChi, Func<EmulatedSystemd> systemd) : IUnitSource
{
    private readonly string _generator = Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/generator");
    private readonly string _control = Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/system.control");
    private readonly string _transient = Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/transient");
    private readonly string _etc = Path.Combine(qm.Node.Root, qm.Etc.TrimStart('/'));
    private readonly string _services = Path.Combine(qm.Node.Root, qm.Rootfs.TrimStart('/'), "usr/lib/systemd/system");

    public Installation Installation { get; } = new(
        Path.Combine(qm.Node.Root, qm.Etc.TrimStart('/'), "systemd/system"), Path.Combine(qm.Node.Root, ".lab/qm-run/systemd/system"));

    public IReadOnlyList<LoadedUnit> Load()
    {
        Generate();
        return [.. new[] { _transient, _generator, _services }.Where(Directory.Exists).SelectMany(directory => Directory.GetFiles(directory, "*.service")).Select(Load)];
    }

    public LoadedUnit WriteTransient(string unit, string text) => Load(UnitFiles.WriteFragment(_transient, unit, text));

    public void RemoveTransient(string unit) => File.Delete(Path.Combine(_transient, unit));

    public IUnitBody Body(string unit) => unit switch
    {
        "bluechi-agent.service" => new BlueChiAgentBody(Service(unit), qm.Node, blueChi, systemd, $"{_etc}/bluechi", Reaches),
        _ when File.Exists($"{_etc}/containers/systemd/{Path.GetFileNameWithoutExtension(unit)}.container") => new WorkloadBody(qm, unit),
        _ => Service(unit),
    };

    public void WriteControl(string unit, bool runtime, string file, string assignment) =>
        UnitFiles.WriteControl(runtime ? _control : $"{_etc}/systemd/system.control", unit, file, assignment);

    private LoadedUnit Load(string fragment) => UnitFiles.Load(qm.Node.Root, fragment,
        [$"{_etc}/systemd/system.control/{Path.GetFileName(fragment)}.d", $"{_control}/{Path.GetFileName(fragment)}.d", $"{_etc}/systemd/system/{Path.GetFileName(fragment)}.d"],
        qm.Node.Machine, Installation);

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
