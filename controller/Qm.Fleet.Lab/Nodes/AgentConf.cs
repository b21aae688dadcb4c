namespace Qm.Fleet.Lab.Nodes;

/// <summary>The settings a BlueChi agent starts with.</summary>
internal static class AgentConf
{
    /// <summary>
    /// Reads <c>agent.conf</c> and <c>agent.conf.d/*.conf</c> below a directory, files in C-locale order and the last winning per key. Within one
    /// file a repeated key is appended to the earlier value, as BlueChi's parser does.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Read(string directory)
    {
        var dropIns = Path.Combine(directory, "agent.conf.d");
        var files = Directory.Exists(dropIns) ? Directory.GetFiles(dropIns, "*.conf").Order(StringComparer.Ordinal) : Enumerable.Empty<string>();
        var merged = new Dictionary<string, string>();
        foreach (var file in files.Prepend(Path.Combine(directory, "agent.conf")).Where(File.Exists))
        {
            foreach (var (key, value) in ReadFile(file))
            {
                merged[key] = value;
            }
        }

        return merged;
    }

    private static Dictionary<string, string> ReadFile(string file)
    {
        var settings = new Dictionary<string, string>();
        var section = "";
        foreach (var line in File.ReadLines(file).Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] is not ('#' or ';')))
        {
            if (line.StartsWith('['))
            {
                section = line.Trim('[', ']');
            }
            else if (section == "bluechi-agent" && line.Split('=', 2) is [var key, var value])
            {
                settings[key.Trim()] = settings.GetValueOrDefault(key.Trim(), "") + value.Trim();
            }
        }

        return settings;
    }
}
