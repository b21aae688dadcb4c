using System.Text;
using Qm.Fleet.Core.BlueChiConf;
using Qm.Fleet.Core.Revisions;
using Qm.Fleet.Core.Units;

namespace Qm.Fleet.Agent.Revisions;

/// <summary>What must hold of the files of BlueChi's agents before they may be staged: only the node knows what is mounted into its QM.</summary>
internal static class AgentConfChecks
{
    private const string UnixPath = "unix:path=";

    /// <summary>Looks whether the agents would start, stay the nodes they are, and find their controller.</summary>
    /// <param name="files">The files of the revision.</param>
    /// <param name="quadlet">The qm quadlet as it would be.</param>
    /// <exception cref="CommandRefusedException">InvalidFile or UnreachableAddress.</exception>
    public static void Check(IReadOnlyList<OwnedFile> files, MergedUnit quadlet)
    {
        if (files.FirstOrDefault(file => file.Kind == OwnedFileKind.HostBlueChiAgentConf) is { } host
            && Read(host, AllowList.HostBlueChiAgentConf.Full).Settings.Values.ContainsKey("NodeName"))
        {
            throw new CommandRefusedException("InvalidFile",
                $"{AllowList.HostBlueChiAgentConf.Full} would set NodeName, and the host would be another node to BlueChi; leave it to the node's own files.");
        }

        if (files.FirstOrDefault(file => file.Kind == OwnedFileKind.QmBlueChiAgentConf) is { } qm
            && Read(qm, "zz-qm-fleet.conf of QM's BlueChi agent").Settings.Values.GetValueOrDefault("ControllerAddress") is { Value: { Length: > 0 } address }
            && !address.Split(';').Any(one => LeadsOut(one, quadlet)))
        {
            throw new CommandRefusedException("UnreachableAddress",
                $"ControllerAddress={AllowList.Printable(address)} cannot work inside QM: no Volume= of the qm quadlet brings that socket in; " +
                "mount its directory in a drop-in of qm.container ([Container] Volume=/run/bluechi/:/run/bluechi/), or use tcp:host=...,port=....");
        }
    }

    private static AgentConf Read(OwnedFile file, string path)
    {
        var conf = AgentConf.Merge(null, new ConfFile(path, Encoding.UTF8.GetBytes(file.Content)), []);
        return conf.Settings.FatalBecause is { } problem ? throw new CommandRefusedException("InvalidFile", $"{problem}.") : conf;
    }

    // What --volume and --mount in PodmanArgs= do is Podman's to say; they are taken to be right.
    private static bool LeadsOut(string address, MergedUnit quadlet) =>
        !address.StartsWith(UnixPath, StringComparison.Ordinal)
        || quadlet.All("Container", "Volume").Select(volume => volume.Value.Split(':')).Any(parts => parts.Length > 1 && Holds(parts[1], address))
        || quadlet.All("Container", "Mount").SelectMany(mount => mount.Value.Split(','))
            .Any(option => option.Split('=', 2) is ["target" or "destination" or "dst", var inside] && Holds(inside, address))
        || quadlet.All("Container", "PodmanArgs").Any(arguments => arguments.Value.Contains("-v", StringComparison.Ordinal) || arguments.Value.Contains("--mount", StringComparison.Ordinal));

    private static bool Holds(string inside, string address)
    {
        var path = Uri.UnescapeDataString(address[UnixPath.Length..].Split(',')[0]);
        return path == inside || path.StartsWith(inside.TrimEnd('/') + "/", StringComparison.Ordinal);
    }
}
