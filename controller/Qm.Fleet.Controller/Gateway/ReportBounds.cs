using System.Collections;
using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace Qm.Fleet.Controller.Gateway;

/// <summary>Bounds what an agent extension tells to what there can be on a node, before it is judged, kept and shown to everybody who lists nodes.</summary>
internal static class ReportBounds
{
    /// <summary>Most entries of a list of a report: more than units, processes and files of interest on any node.</summary>
    public const int MostEntries = 1000;

    /// <summary>Most kills for memory in one message; an agent tells no more.</summary>
    public const int MostKills = 256;

    /// <summary>Most bytes of what is told of the usage of one cgroup; the kernel's figures are a few hundred, and the rest is its path.</summary>
    public const int MostBytesOfUsage = 8 * 1024;

    /// <summary>Most sentences on what could not be read of usage; an agent tells no more.</summary>
    public const int MostUsageProblems = 20;

    /// <summary>Most characters of a sentence or of a unit's name.</summary>
    public const int MostCharacters = 1024;

    /// <summary>Cuts lists of a report that are too long, and says so in its problems.</summary>
    public static void Fit(V1.NodeReport report)
    {
        var left = Cut(report, MostEntries);
        if (left > 0)
        {
            report.Problems.Add(FormattableString.Invariant($"{left} entries were left out, because no list of a report is longer than {MostEntries}."));
        }
    }

    /// <summary>Cuts what is told of kills for memory; what is left out is not said to be stored.</summary>
    public static void Fit(V1.OomKills kills) => Cut(kills, MostKills);

    /// <summary>Cuts what is told of usage: a cgroup that is too large is counted only.</summary>
    public static void Fit(V1.Usage usage)
    {
        if (usage.Qm is { } qm && !Fits(qm))
        {
            (usage.Qm, usage.LeftOut) = (null, usage.LeftOut + 1);
        }

        var fitting = usage.Nested.Where(Fits).ToArray();
        if (fitting.Length < usage.Nested.Count)
        {
            usage.LeftOut += usage.Nested.Count - fitting.Length;
            usage.Nested.Clear();
            usage.Nested.AddRange(fitting);
        }

        Cut(usage.Problems, MostUsageProblems);
        for (var index = 0; index < usage.Problems.Count; index++)
        {
            usage.Problems[index] = usage.Problems[index].Length > MostCharacters ? usage.Problems[index][..MostCharacters] : usage.Problems[index];
        }

        static bool Fits(V1.CgroupUsage cgroup) => cgroup.CalculateSize() <= MostBytesOfUsage;
    }

    /// <summary>Cuts every list and map of a message and of what it holds once.</summary>
    /// <returns>How many entries were left out.</returns>
    private static int Cut(IMessage message, int most)
    {
        var left = 0;
        foreach (var field in message.Descriptor.Fields.InDeclarationOrder())
        {
            left += field.Accessor.GetValue(message) switch
            {
                IDictionary map when field.IsMap => Cut(map, most),
                IList list when field.IsRepeated => Cut(list, most),
                IMessage part when field.FieldType == FieldType.Message => Cut(part, most),
                _ => 0,
            };
        }

        return left;
    }

    private static int Cut(IList list, int most)
    {
        var left = Math.Max(0, list.Count - most);
        while (list.Count > most)
        {
            list.RemoveAt(list.Count - 1);
        }

        return left;
    }

    private static int Cut(IDictionary map, int most)
    {
        var more = map.Keys.Cast<object>().Skip(most).ToArray();
        foreach (var key in more)
        {
            map.Remove(key);
        }

        return more.Length;
    }
}
