using Qm.Fleet.Core.Cgroups;
using Qm.Fleet.Core.Revisions;

namespace Qm.Fleet.Core.OutOfMemory;

/// <summary>What a cgroup's path says of where it is.</summary>
/// <param name="Place">On the host, in QM, or in a container inside QM.</param>
/// <param name="Unit">Its unit there; empty when the path is.</param>
/// <param name="Payload">The payload of QM it is below, which names one life of QM; empty when it is none's.</param>
internal readonly record struct OomCgroup(OomPlace Place, string Unit, string Payload)
{
    /// <summary>Reads a path from the root of the cgroup tree, such as <c>/qm.service/...</c>.</summary>
    public static OomCgroup Of(string path)
    {
        var names = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path.Length == 0)
        {
            return new(OomPlace.Unknown, "", "");
        }

        if (names is not [QmNode.Unit, .. var below])
        {
            return new(OomPlace.Host, names.LastOrDefault(QmCgroup.IsUnit) ?? "-.slice", "");
        }

        if (below is not [var payload, .. var inside] || !payload.StartsWith(QmCgroup.PayloadPrefix, StringComparison.Ordinal))
        {
            return new(OomPlace.Qm, QmNode.Unit, "");
        }

        var cgroup = new QmCgroup(path, inside);
        return inside.Length == 0
            ? new(OomPlace.Qm, QmNode.Unit, payload)
            : new(cgroup.IsInContainer && !cgroup.IsConmon ? OomPlace.Nested : OomPlace.Qm, cgroup.Unit, payload);
    }
}
