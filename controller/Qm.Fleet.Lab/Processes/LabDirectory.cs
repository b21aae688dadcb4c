using System.Security.Cryptography;

namespace Qm.Fleet.Lab.Processes;

/// <summary>Everything one lab writes. Removed with the lab unless it is kept; what a killed lab left is removed by the next one.</summary>
internal sealed class LabDirectory : IDisposable
{
    private const string Prefix = "qmfleet-lab-";

    // In memory where there is such a place: the nodes flush every file they commit, and what a lab writes is not worth a disk.
    internal static readonly string Parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    private readonly FileStream? _lock;

    private LabDirectory(string path, FileStream? held)
    {
        (Root, _lock) = (path, held);
        foreach (var directory in new[] { Nodes, Logs, ControllerState })
        {
            Directory.CreateDirectory(directory);
        }
    }

    /// <summary>The directory; its path is short, because paths of Unix sockets end at 107 characters.</summary>
    public string Root { get; }

    /// <summary>A directory for each node's root.</summary>
    public string Nodes => Path.Combine(Root, "nodes");

    /// <summary>What the processes print.</summary>
    public string Logs => Path.Combine(Root, "log");

    /// <summary>The controller's state.</summary>
    public string ControllerState => Path.Combine(Root, "controller");

    /// <summary>The controller's Unix socket.</summary>
    public string Socket => Path.Combine(Root, "api.sock");

    /// <summary>The lab's own Unix socket, where <c>qmfleet lab</c> finds it: beside the controller's.</summary>
    public string LabSocket => Path.Combine(Root, "lab.sock");

    /// <summary>Where programs of emulated nodes hand over what they are asked for.</summary>
    public string ProgramsSocket => Path.Combine(Root, "run.sock");

    /// <summary>Holds the address of the private bus, for <c>qmfleet-lab counters</c>.</summary>
    public string BusAddressFile => Path.Combine(Root, "bus.address");

    /// <summary>A directory that is removed with the lab, or the one to keep.</summary>
    /// <exception cref="LabException">The directory to keep holds something already.</exception>
    public static LabDirectory Create(string? keep)
    {
        if (keep is not null)
        {
            return !Directory.Exists(keep) || !Directory.EnumerateFileSystemEntries(keep).Any() ? new(Path.GetFullPath(keep), null)
                : throw new LabException($"--keep {keep}: the directory is not empty; name a new one.");
        }

        RemoveAbandoned();
        var name = Prefix + RandomNumberGenerator.GetHexString(6, lowercase: true);
        var hidden = Directory.CreateDirectory(Path.Combine(Parent, "." + name)).FullName;
        var held = new FileStream(Path.Combine(hidden, "lock"), FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        var path = Path.Combine(Parent, name);
        Directory.Move(hidden, path);
        return new(path, held);
    }

    public void Dispose()
    {
        if (_lock is not null)
        {
            // In this order: another lab that starts now would take it for abandoned.
            Directory.Delete(Root, recursive: true);
            _lock.Dispose();
        }
    }

    // A lab holds its lock as long as it lives; the kernel lets go when it dies.
    private static void RemoveAbandoned()
    {
        foreach (var directory in Directory.EnumerateDirectories(Parent, Prefix + "*"))
        {
            try
            {
                using (new FileStream(Path.Combine(directory, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                {
                }

                Directory.Delete(directory, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another lab's that lives, or not ours to remove.
            }
        }
    }
}
