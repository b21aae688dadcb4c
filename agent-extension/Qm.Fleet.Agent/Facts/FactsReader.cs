using Qm.Fleet.Agent.Evidence;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Revisions;

namespace Qm.Fleet.Agent.Facts;

/// <summary>Says what a node is made of. Most of it changes with an update or a reboot only, so it is read anew now and then.</summary>
/// <param name="versions">What its programs say.</param>
/// <param name="time">Says when to read anew.</param>
internal sealed class FactsReader(ProgramVersions versions, TimeProvider time)
{
    /// <summary>Between two readings.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private static readonly string[] OsReleases = ["/etc/os-release", "/usr/lib/os-release"];

    private V1.Facts? _last;
    private (string? Quadlet, string? Rootfs) _of;
    private long _readAt;

    /// <summary>Reads, or answers what was read; SELinux can be switched by a word, and is looked at each time.</summary>
    /// <param name="root">The node.</param>
    /// <param name="sources">The quadlet in force; null when there is none.</param>
    /// <param name="rootfs">QM's root file system on the host; null when unknown.</param>
    public V1.Facts Read(NodeRoot root, QuadletSources? sources, string? rootfs)
    {
        if (_last is null || _of != (sources?.Main.Text, rootfs) || time.GetElapsedTime(_readAt) >= Interval)
        {
            _last = ReadAll(root, sources, rootfs);
            (_of, _readAt) = ((sources?.Main.Text, rootfs), time.GetTimestamp());
        }

        var findings = new Findings(root);
        var facts = _last.Clone();
        facts.Selinux = SelinuxMode.Read(findings);
        (facts.Systemd, facts.Podman, facts.BluechiAgent) = (Version(ProgramVersions.Systemd), Version(ProgramVersions.Podman), Version(ProgramVersions.BlueChiAgent));
        facts.Unknown.AddRange(findings.Problems);
        return facts;

        string Version(string program)
        {
            if (versions[program] is { Unknown.Length: > 0 } unknown)
            {
                findings.Add(unknown.Unknown);
            }

            return versions[program]?.Version ?? "";
        }
    }

    private static V1.Facts ReadAll(NodeRoot root, QuadletSources? sources, string? rootfs)
    {
        var findings = new Findings(root);
        var facts = new V1.Facts
        {
            Kernel = Known(findings.Text("/proc/sys/kernel/osrelease"), "/proc/sys/kernel/osrelease cannot be read, so the kernel's release is unknown."),
            Os = Known(PrettyName(OsReleases.Select(findings.Text)), "The host has no os-release with a PRETTY_NAME, so its operating system is unknown."),
            QmOs = rootfs is null ? "" : Known(ReadQmOs(rootfs), $"{rootfs} has no os-release with a PRETTY_NAME, so the operating system inside QM is unknown."),
            QmQuadletSha256 = sources is null ? "" : OwnedTrees.Digest(System.Text.Encoding.UTF8.GetBytes(sources.Main.Text)),
            CgroupVersion = findings.Text("/sys/fs/cgroup/cgroup.controllers") is not null ? 2 : findings.Names("/sys/fs/cgroup/memory").Count > 0 ? 1 : 0,
            Pressure = findings.Names("/proc/pressure").Count > 0,
        };
        if (findings.Mounts("1") is { } mounts)
        {
            if (Persistence.IsTransient(mounts, "/etc") is { } transient)
            {
                facts.EtcTransient = transient;
            }

            if (mounts.Holding("/usr") is { } usr)
            {
                facts.UsrReadOnly = usr.IsReadOnly;
            }
        }
        else
        {
            findings.Add("/proc/1/mountinfo cannot be read, so it is unknown whether /etc lasts and /usr can be written.");
        }

        facts.Unknown.AddRange(findings.Problems);
        return facts;

        string Known(string? value, string unknown)
        {
            if (string.IsNullOrEmpty(value))
            {
                findings.Add(unknown);
            }

            return value ?? "";
        }

        // What QM sees as its /etc is another directory; the image's own file stands in its /usr.
        string? ReadQmOs(string path)
        {
            try
            {
                using var qm = root.Within(path);
                return PrettyName(OsReleases.Reverse().Select(new Findings(qm).Text));
            }
            catch (NodeFileException)
            {
                return null;
            }
        }
    }

    private static string? PrettyName(IEnumerable<string?> files) => files.OfType<string>()
        .Select(text => EnvironmentLines.Parse(text.Split('\n'), isShell: true).GetValueOrDefault("PRETTY_NAME")).FirstOrDefault(name => name is not null);
}
