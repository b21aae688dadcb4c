using Google.Protobuf;
using Qm.Fleet.Core.Environments;

namespace Qm.Fleet.Controller.Api;

/// <summary>Something that is no longer what the caller saw.</summary>
/// <param name="Kind">Its kind in lower case, such as fleet.</param>
/// <param name="Name">Its name.</param>
/// <param name="Seen">The generation the caller saw; 0 for none.</param>
/// <param name="Found">The generation it has; 0 when it does not exist.</param>
/// <param name="Current">As it is; null when it does not exist.</param>
internal sealed record ChangedResource(string Kind, string Name, long Seen, long Found, IMessage? Current);

/// <summary>Holds what a caller saw of resources against what they are; asked in the transaction that changes them.</summary>
internal static class Generations
{
    /// <summary>Checks the generation of one resource; 0 is whatever it is.</summary>
    /// <exception cref="Grpc.Core.RpcException">ABORTED with it as it is; INVALID_ARGUMENT for a negative number.</exception>
    public static void Check(string kind, string name, long seen, long found, Func<IMessage> current)
    {
        if (seen < 0)
        {
            throw Failures.Invalid("generation", $"{seen} is no generation; they count from 1, and 0 stands for whatever it is");
        }
        if (seen != 0 && seen != found)
        {
            throw Failures.Changed([new(kind, name, seen, found, current())]);
        }
    }

    /// <summary>Checks the generations of an apply.</summary>
    /// <param name="kind">What is applied, in lower case.</param>
    /// <param name="seen">The generation that was seen, by name; 0 for none.</param>
    /// <param name="names">What is applied.</param>
    /// <param name="find">Generation and resource as they are; 0 and null for what does not exist.</param>
    /// <exception cref="Grpc.Core.RpcException">ABORTED with all that changed; INVALID_ARGUMENT for names that are not applied.</exception>
    public static void Check(string kind, IReadOnlyDictionary<string, long> seen, IReadOnlyCollection<string> names, Func<string, (long Generation, IMessage? Current)> find)
    {
        var problems = seen.Where(entry => entry.Value < 0 || !names.Contains(entry.Key)).Select(entry => new Problem(
            $"generations[{entry.Key}]", entry.Value < 0 ? $"{entry.Value} is no generation; they count from 1, and 0 says that there is none" : $"no {kind} of this name is applied")).ToList();
        if (problems.Count > 0)
        {
            throw Failures.Invalid(problems);
        }
        var changed = seen.Select(entry => (entry, Found: find(entry.Key))).Where(static one => one.Found.Generation != one.entry.Value)
            .Select(one => new ChangedResource(kind, one.entry.Key, one.entry.Value, one.Found.Generation, one.Found.Current)).ToList();
        if (changed.Count > 0)
        {
            throw Failures.Changed(changed);
        }
    }
}
