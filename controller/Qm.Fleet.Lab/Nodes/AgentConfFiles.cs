using Qm.Fleet.Core.BlueChiConf;

namespace Qm.Fleet.Lab.Nodes;

/// <summary>The files a BlueChi agent of an emulated node starts with.</summary>
internal static class AgentConfFiles
{
    /// <summary>Reads <c>agent.conf</c> and <c>agent.conf.d</c> below a directory. Emulated nodes have no vendor's file: the built-in defaults are the same.</summary>
    public static AgentConf Read(string directory)
    {
        var dropIns = Path.Combine(directory, "agent.conf.d");
        return AgentConf.Merge(null, ReadFile(Path.Combine(directory, "agent.conf")),
            Directory.Exists(dropIns) ? Directory.GetFiles(dropIns).Select(ReadFile).OfType<ConfFile>() : []);
    }

    private static ConfFile? ReadFile(string path) => File.Exists(path) ? new(path, File.ReadAllBytes(path)) : null;
}
