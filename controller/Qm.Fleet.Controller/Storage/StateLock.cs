using System.Globalization;
using System.Text;

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
            throw new StoreException($"The state folder {state} is in use by process {Holder(path)}. Stop it, or use another --state.", false, e);
        }
        file.SetLength(0);
        file.Write(Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
        file.Flush();
        return new StateLock(file);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static string Holder(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd() is { Length: > 0 } pid ? pid : "unknown, just starting";
    }
}
