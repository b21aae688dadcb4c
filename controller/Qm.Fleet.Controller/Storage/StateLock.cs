using System.Globalization;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Holds the state folder for this process; the kernel lets go of it when the process ends, however it ends.</summary>
internal sealed class StateLock : IDisposable
{
    private readonly FileStream _file;

    private StateLock(FileStream file) => _file = file;

    /// <summary>Takes the folder.</summary>
    /// <exception cref="StoreException">Another process holds it; the message says which.</exception>
    public static StateLock Take(string state)
    {
        var path = Path.Combine(state, "lock");
        FileStream file;
        try
        {
            // On Linux FileShare.None is flock(LOCK_EX | LOCK_NB).
            file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new StoreException($"The state folder {state} is in use by process {Holder(state)}. Stop it, or use another --state.", false, e);
        }
        File.WriteAllText(HolderFile(state), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new StateLock(file);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Beside the lock, because .NET does not read a file that another process holds.</summary>
    private static string HolderFile(string state) => Path.Combine(state, "lock.pid");

    private static string Holder(string state)
    {
        try
        {
            return File.ReadAllText(HolderFile(state));
        }
        catch (IOException)
        {
            return "unknown, which is just starting";
        }
    }
}
