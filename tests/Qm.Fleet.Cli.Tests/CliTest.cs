using Microsoft.Extensions.Time.Testing;
using Qm.Fleet.Cli.Tests.Server;
using Xunit;

namespace Qm.Fleet.Cli.Tests;

/// <summary>Runs qmfleet in this process against a server in this process, with files of its own.</summary>
public abstract class CliTest : IAsyncLifetime
{
    /// <summary>When it is for the command; far ahead, so that deadlines in its time never strike in real time.</summary>
    internal static readonly DateTimeOffset Now = new(2100, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly string _directory = Directory.CreateTempSubdirectory("qmcli-files-").FullName;

    internal FakeServer Server { get; private set; } = null!;

    internal FakeTimeProvider Time { get; } = new(Now);

    internal ObservedWriter Out { get; } = new();

    internal ObservedWriter Error { get; } = new();

    internal Dictionary<string, string> Environment { get; } = [];

    public async ValueTask InitializeAsync()
    {
        Server = await FakeServer.OnSocketAsync();
        Environment["QMFLEET_SERVER"] = Server.Address;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The directory of the test's files with a slash, as it stands in messages.</summary>
    internal string Files => _directory + "/";

    /// <summary>Writes a file of this test, and answers its path.</summary>
    internal string Write(string name, string content)
    {
        var path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content.ReplaceLineEndings("\n"));
        return path;
    }

    internal CliContext Context(Stream? input = null) =>
        new(Out, Error, input ?? Stream.Null, name => Environment.GetValueOrDefault(name), Time);

    internal Task<int> RunAsync(params string[] args) => RunAsync(Context(), args);

    internal static Task<int> RunAsync(CliContext context, params string[] args) => CommandLine.RunAsync(args, context, TestContext.Current.CancellationToken);

    /// <summary>What was written to standard error, with the test's directory taken away.</summary>
    internal string Errors => Error.ToString().Replace(Files, "", StringComparison.Ordinal);
}
