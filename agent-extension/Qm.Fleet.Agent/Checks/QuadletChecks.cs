using System.Globalization;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Checks;

/// <summary>What the quadlet in force must say for QM to be confined, and what may have changed it behind its drop-ins.</summary>
internal static class QuadletChecks
{
    private const string VendorPath = "/usr/share/containers/systemd/qm.container";
    private const string ControlDirectory = "/etc/systemd/system.control/qm.service.d";
    private static readonly (string Name, int Bit, string Means)[] DroppedCapabilities =
        [("sys_boot", 22, "it can reboot the node"), ("sys_resource", 24, "it can lift limits, and what runs in it can go below the host's OOM score")];

    /// <summary>In the order of the quadlet.</summary>
    public static IReadOnlyList<StaticCheck> All { get; } =
    [
        new("vendor-quadlet", "The vendor's quadlet is as QM ships it", VendorPath, "QM 1.0's values", Vendor),
        new("generated-unit", "The quadlet generator makes qm.service", "/run/systemd/generator/qm.service", "there", Generated),
        new("drop-in-directory", "The quadlet's drop-in directory is there", "/etc/containers/systemd/qm.container.d", "there", DropInDirectory),
        new("property-override", "No systemctl set-property outlives a boot", ControlDirectory, "none", Overrides),
        new("owned-files", "Every file that was committed is there", "the committed revision", "all", OwnedFiles),
        new("capabilities", "QM can neither reboot the node nor lift resource limits", "DropCapability= of the quadlet, CapBnd of QM's init",
            "sys_boot and sys_resource dropped", Capabilities),
        new("network", "QM has a network of its own", "Network= of the quadlet", "not host", Network),
        new("read-only", "QM's rootfs is read-only", "ReadOnly= of the quadlet", "true", ReadOnly),
        new("masked-paths", "Podman's masked paths stay masked", "Unmask= and PodmanArgs= of the quadlet", "none, not privileged", Masked),
        new("labels", "QM's processes and files have SELinux types of their own", "SecurityLabel...= of the quadlet", "qm_t, qm_file_t", Labels),
    ];

    private static CheckOutcome Vendor(NodeFacts facts)
    {
        if (facts.Sources.Main is not { Path: VendorPath } main)
        {
            return CheckOutcome.Fail(facts.Sources.Main.Path, $"{facts.Sources.Main.Path} hides the vendor's quadlet: move what it changes to a drop-in.");
        }

        var vendor = VendorQuadlet.Recognise(UnitFile.Parse(main.Text, main.Path));
        return vendor.Variant switch
        {
            VendorVariant.Other => CheckOutcome.Fail(
                string.Join(", ", vendor.Differences), "The file was edited in place, or is of another version of QM; the next update undoes an edit, so use a drop-in."),
            VendorVariant.Pristine => CheckOutcome.Pass("QM 1.0's values"),
            _ => CheckOutcome.Pass($"QM 1.0's values, {vendor.Description}"),
        };
    }

    private static CheckOutcome Generated(NodeFacts facts) => facts.Root.Exists("/run/systemd/generator/qm.service")
        ? CheckOutcome.Pass("there")
        : CheckOutcome.Fail("missing", "There is no qm.service: the generator dropped the quadlet, often for a key it does not know. "
            + "Run /usr/lib/systemd/system-generators/podman-system-generator --dryrun, mend the drop-in, then systemctl daemon-reload.");

    private static CheckOutcome DropInDirectory(NodeFacts facts) => facts.Root.List("/etc/containers/systemd").Contains("qm.container.d")
        ? CheckOutcome.Pass("there")
        : CheckOutcome.Fail("missing", "Somebody removed it with everybody's drop-ins; what they set is gone at QM's next restart.");

    private static CheckOutcome Overrides(NodeFacts facts)
    {
        _ = facts.Sources;
        var set = (from name in facts.Root.List(ControlDirectory)
                   where name.EndsWith(".conf", StringComparison.Ordinal)
                   from entry in UnitFile.Parse(facts.Need($"{ControlDirectory}/{name}"), name).Entries
                   select $"{entry.Key}={entry.Value}").ToArray();
        return set.Length == 0 ? CheckOutcome.Pass("none")
            : CheckOutcome.Fail(string.Join(", ", set), "systemctl set-property wins over the quadlet and every drop-in: systemctl revert qm.service takes it back.");
    }

    private static CheckOutcome OwnedFiles(NodeFacts facts) =>
        facts.Report.Revision.Length == 0 ? CheckOutcome.NotApplicable("Nothing was ever committed on this node.")
        : facts.MissingFiles.Count == 0 ? CheckOutcome.Pass("all")
        : CheckOutcome.Fail($"{string.Join(", ", facts.MissingFiles)} missing",
            "They were there after the commit: either somebody removed them, or /etc is transient and the node rebooted.");

    private static CheckOutcome Capabilities(NodeFacts facts)
    {
        var dropped = facts.Containers("DropCapability").SelectMany(Words).Select(name => name.ToLowerInvariant().Replace("cap_", "", StringComparison.Ordinal)).ToHashSet();
        var wrong = DroppedCapabilities.Where(capability => !dropped.Contains(capability.Name) && !dropped.Contains("all"))
            .Select(capability => $"DropCapability= lacks {capability.Name}: a drop-in reset it, or the vendor's file was edited.").ToList();
        var found = $"dropped {string.Join(' ', dropped.Order(StringComparer.Ordinal))}";
        if (facts.Report.Oom.QmInitPid > 0)
        {
            var bounding = Bounding(facts.Need($"/proc/{facts.Init}/status"));
            found += string.Create(CultureInfo.InvariantCulture, $", CapBnd {bounding:x16}");
            wrong.AddRange(DroppedCapabilities.Where(capability => (bounding >> capability.Bit & 1) != 0).Select(capability => $"QM has {capability.Name} now: {capability.Means}."));
        }

        return CheckOutcome.Of(found, wrong);
    }

    private static ulong Bounding(string status) =>
        status.Split('\n').FirstOrDefault(line => line.StartsWith("CapBnd:", StringComparison.Ordinal)) is { } line
        && ulong.TryParse(line["CapBnd:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var set) ? set
        : throw new FactMissingException("The status of QM's init has no CapBnd.");

    private static CheckOutcome Network(NodeFacts facts)
    {
        var networks = facts.Containers("Network");
        var isHost = networks.Any(network => network == "host") || PodmanArguments(facts).Any(word => word is "--network=host" or "--net=host");
        var found = networks.Count == 0 ? "Podman's default" : string.Join(' ', networks);
        return isHost ? CheckOutcome.Fail("host", "QM shares the host's network, its sockets and settings: remove the drop-in that does it.") : CheckOutcome.Pass(found);
    }

    private static CheckOutcome ReadOnly(NodeFacts facts) => facts.Container("ReadOnly") is "true" or "yes" or "1" or "on"
        ? CheckOutcome.Pass("true")
        : CheckOutcome.Fail(facts.Container("ReadOnly"), "QM can change its own programs: remove the drop-in that resets ReadOnly=.");

    private static CheckOutcome Masked(NodeFacts facts)
    {
        string[] found = [.. facts.Containers("Unmask").Select(value => $"Unmask={value}"), .. PodmanArguments(facts).Where(IsUnmasking)];
        return found.Length == 0 ? CheckOutcome.Pass("none") : CheckOutcome.Fail(string.Join(' ', found), "QM reaches kernel interfaces of the host: remove the drop-in that does it.");
    }

    private static CheckOutcome Labels(NodeFacts facts)
    {
        var (type, fileType, isOff) = (facts.Container("SecurityLabelType"), facts.Container("SecurityLabelFileType"), facts.Container("SecurityLabelDisable") == "true");
        return CheckOutcome.Of($"{type}, {fileType}{(isOff ? ", disabled" : "")}",
        [
            .. type == "qm_t" ? [] : (string[])["SecurityLabelType= is not qm_t."],
            .. fileType == "qm_file_t" ? [] : (string[])["SecurityLabelFileType= is not qm_file_t."],
            .. isOff ? (string[])["SecurityLabelDisable=true takes SELinux away from QM."] : [],
        ]);
    }

    private static bool IsUnmasking(string word) =>
        word.StartsWith("--privileged", StringComparison.Ordinal) || word.StartsWith("unmask=", StringComparison.Ordinal)
        || word.StartsWith("--security-opt=unmask=", StringComparison.Ordinal);

    private static IEnumerable<string> PodmanArguments(NodeFacts facts) => facts.Containers("PodmanArgs").SelectMany(Words);

    private static string[] Words(string text) => text.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
}
