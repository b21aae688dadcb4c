namespace Qm.Fleet.Controller.Storage;

/// <summary>The store could not do what was asked, and did none of it.</summary>
/// <param name="message">What, where, why and what to do.</param>
/// <param name="isTransient">Whether the same call may work a little later.</param>
/// <param name="cause">What lies beneath; null when nothing does.</param>
internal class StoreException(string message, bool isTransient, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Whether the same call may work a little later.</summary>
    public bool IsTransient { get; } = isTransient;
}

/// <summary>A row does not read back as what was written.</summary>
/// <param name="table">The table.</param>
/// <param name="key">The row's key.</param>
/// <param name="why">What is wrong with it.</param>
/// <param name="cause">What lies beneath; null when nothing does.</param>
internal sealed class CorruptRowException(string table, string key, string why, Exception? cause = null) : StoreException(
    $"The stored row {table}[{key}] cannot be read: {why} Restore it from a backup, or delete the resource and apply it again.",
    isTransient: false, cause)
{
    /// <summary>The table.</summary>
    public string Table { get; } = table;

    /// <summary>The row's key.</summary>
    public string Key { get; } = key;
}
