using System.Reflection;
using DbUp;
using DbUp.Engine.Output;
using DbUp.Sqlite.Helpers;
using Microsoft.Data.Sqlite;

namespace Qm.Fleet.Controller.Storage;

/// <summary>Brings a database to this version, one embedded script after another, each in its own transaction.</summary>
/// <remarks>A script that was released is never changed; a change of the schema is a new script with the next number.</remarks>
internal static class Migrations
{
    /// <summary>Runs what has not run yet.</summary>
    /// <exception cref="StoreException">A script failed, or the database was made by a newer version.</exception>
    public static void Apply(SqliteConnection connection, string file)
    {
        using var shared = new SharedConnection(connection);
        var upgrader = DeployChanges.To.SqliteDatabase(shared)
            .WithScriptsEmbeddedInAssembly(Assembly.GetExecutingAssembly(), static name => name.EndsWith(".sql", StringComparison.Ordinal))
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .LogTo(new NoOpUpgradeLog())
            .Build();
        if (upgrader.GetExecutedButNotDiscoveredScripts() is { Count: > 0 } unknown)
        {
            throw new StoreException(
                $"The database {file} was made by a newer version: it holds {string.Join(", ", unknown)}. Install that version again.",
                isTransient: false);
        }
        if (upgrader.PerformUpgrade() is { Successful: false } failed)
        {
            throw new StoreException(
                $"The database {file} cannot be brought to this version: {failed.ErrorScript?.Name}: {failed.Error.Message} Nothing of that "
                + "script was kept; restore a backup or report this.",
                isTransient: false, failed.Error);
        }
    }
}
