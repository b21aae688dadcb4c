namespace Qm.Fleet.Lab.Nodes;

/// <summary>The units of an ECU's host: plain service files, and <c>qm.service</c> from its quadlet.</summary>
internal sealed class HostUnits(NodeContext node, QmBody qm, IBlueChi blueChi, Func<EmulatedSystemd> systemd) : IUnitSource
{
    private const string Generator = "run/systemd/generator";
    private const string Transient = "run/systemd/transient";
    private static readonly string[] FragmentDirectories = [Transient, "etc/systemd/system", Generator, "usr/lib/systemd/system"];
    private static readonly string[] DropInDirectories =
        ["etc/systemd/system.control", "run/systemd/system.control", "etc/systemd/system", "run/systemd/system", "usr/lib/systemd/system"];

    public Installation Installation { get; } = new(Path.Combine(node.Root, "etc/systemd/system"), Path.Combine(node.Root, "run/systemd/system"));

    public IReadOnlyList<LoadedUnit> Load()
    {
        Generate();
        return [.. FragmentDirectories.Select(At).Where(Directory.Exists).SelectMany(directory => Directory.GetFiles(directory, "*.service"))
            .GroupBy(Path.GetFileName).Select(group => Load(group.First()))];
    }

    public LoadedUnit WriteTransient(string unit, string text) => Load(UnitFiles.WriteFragment(At(Transient), unit, text));

    public void RemoveTransient(string unit) => File.Delete(At($"{Transient}/{unit}"));

    public IUnitBody Body(string unit) => unit switch
    {
        "qm.service" => qm,
        "bluechi-agent.service" => new BlueChiAgentBody(Service(unit), node, blueChi, systemd, At("etc/bluechi"), Reaches),
        _ => Service(unit),
    };

    public void WriteControl(string unit, bool runtime, string file, string assignment) =>
        UnitFiles.WriteControl(At(runtime ? "run/systemd/system.control" : "etc/systemd/system.control"), unit, file, assignment);

    // The controller listens where BlueChi does unless told otherwise.
    private static bool Reaches(string address) => address.Split(';').Any(one =>
        one == "unix:path=/run/bluechi/bluechi.sock" || (one.StartsWith("tcp:", StringComparison.Ordinal) && one.Split(',').Contains("port=842")));

    private LoadedUnit Load(string fragment) => UnitFiles.Load(
        node.Root, fragment, DropInDirectories.Select(directory => At($"{directory}/{Path.GetFileName(fragment)}.d")), node.Machine, Installation);

    private ServiceBody Service(string unit) => new(node.Kernel, unit, "/system.slice", leastOomScore: null);

    private void Generate()
    {
        var generated = At($"{Generator}/qm.service");
        var text = QuadletGenerator.Generate(At("usr/share/containers/systemd/qm.container"),
            [At("etc/containers/systemd/qm.container.d"), At("usr/share/containers/systemd/qm.container.d")], "/usr/share/containers/systemd/qm.container");
        Directory.CreateDirectory(At(Generator));
        if (text is null)
        {
            File.Delete(generated);
        }
        else
        {
            File.WriteAllText(generated, text);
        }
    }

    private string At(string path) => Path.Combine(node.Root, path);
}
