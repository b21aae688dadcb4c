using System.CommandLine;
using System.Globalization;
using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Output;
using Command = System.CommandLine.Command;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>bundle: what a person needs to find a fault of a node, in one file.</summary>
internal static class BundleVerb
{
    internal static Command Make(GlobalOptions global, CliContext context)
    {
        var node = global.Names.OfNodes(new Argument<string>("node") { Description = "The node's name" });
        var file = new Option<string?>("--file", "-f") { Description = "Where to put it; NODE-TIME.tar.gz here if not said", HelpName = "path" };
        var command = new Command("bundle", """
            Collects journals, SELinux denials, Podman's state, configuration and checks of a node into a tar.gz.
            Secrets are removed on the node; look into it all the same before you pass it on.

            Examples:
              qmfleet bundle ecu9
              qmfleet bundle ecu9 -f /tmp/ecu9.tar.gz
            """) { node, file };
        command.SetAction(async (parsed, ct) =>
        {
            var name = parsed.GetValue(node)!;
            var path = parsed.GetValue(file) ?? string.Create(CultureInfo.InvariantCulture, $"{name}-{context.Time.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}.tar.gz");
            using var connection = global.Connect(parsed, context);
            using var call = connection.Diagnostics.CollectBundle(new() { Node = name }, cancellationToken: ct);
            var bytes = await SaveAsync(call.ResponseStream, path, new Progress(context, name), ct);
            await context.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{name}: {Progress.Kibibytes(bytes)} KiB collected"));
            await context.Out.WriteLineAsync(path);
            return ExitCode.Done;
        });
        return command;
    }

    // Beside its place and renamed when whole: a file of this name is never half a bundle.
    private static async Task<long> SaveAsync(IAsyncStreamReader<V1.BundleChunk> chunks, string path, Progress progress, CancellationToken ct)
    {
        var part = path + ".part";
        var isWhole = false;
        try
        {
            var bytes = 0L;
            var stream = new FileStream(part, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            await using (stream)
            {
                while (await chunks.MoveNext(ct))
                {
                    await stream.WriteAsync(chunks.Current.Data.Memory, ct);
                    bytes += chunks.Current.Data.Length;
                    await progress.ShowAsync(bytes);
                }

                stream.Flush(flushToDisk: true);
            }

            File.Move(part, path, overwrite: true);
            isWhole = true;
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException(ExitCode.Failed, $"-f {path}: {e.Message}");
        }
        finally
        {
            await progress.EndAsync();
            if (!isWhole && File.Exists(part))
            {
                File.Delete(part);
            }
        }
    }
}
