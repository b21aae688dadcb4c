using Grpc.Core;
using Qm.Fleet.Cli.Connection;
using Qm.Fleet.Cli.Kinds;
using Qm.Fleet.Cli.Manifests;
using Qm.Fleet.Cli.Output;
using Qm.Fleet.V1;

namespace Qm.Fleet.Cli.Verbs;

/// <summary>One resource on its way through an editor, as often as it takes.</summary>
/// <param name="kind">Its kind.</param>
/// <param name="name">Its name.</param>
/// <param name="connection">To the server.</param>
/// <param name="context">The editor, and where is told what was done.</param>
internal sealed class EditSession(ResourceKind kind, string name, FleetConnection connection, CliContext context)
{
    // A person gives up long before; an editor that is a program may not.
    private const int MaxRounds = 100;

    /// <summary>Edits and applies.</summary>
    /// <returns>An <see cref="ExitCode"/>, and what was applied.</returns>
    internal async Task<(int End, IReadOnlyList<AppliedFleet> Fleets)> RunAsync(CancellationToken ct)
    {
        var current = await EditedText.ReadAsync(kind, name, connection, ct);
        var (text, refusal) = (current.Body, ExitCode.Done);
        var (notes, problems) = ((IReadOnlyList<string>)[], (IReadOnlyList<ManifestProblem>)[]);
        var path = Path.Combine(Path.GetTempPath(), $"qmfleet-{context.NewId()}.yaml");
        try
        {
            for (var round = 0; round < MaxRounds; round++)
            {
                var edited = await EditAsync(path, current.Offer(text, notes, problems), ct);
                if (edited.Trim().Length == 0 || edited == text)
                {
                    return await UnchangedAsync(text, refusal);
                }

                text = edited;
                (var answer, notes, problems) = await SubmitAsync(text, current, path, ct);
                if (answer is { } applied)
                {
                    await AppliedText.WriteAsync(context, applied.Nodes, applied.Fleets, new OutputFormat.Table(IsWide: false));
                    return (ExitCode.Done, applied.Fleets);
                }

                refusal = ExitCode.Invalid;
                var now = await EditedText.ReadAsync(kind, name, connection, ct);
                if (now.Generation != current.Generation)
                {
                    (notes, refusal) = ([.. now.Since(current)], ExitCode.Refused);
                    current = now;
                }
            }

            throw new CliException(ExitCode.Invalid, $"edit {kind.Name}/{name}: refused {MaxRounds} times, nothing was changed");
        }
        finally
        {
            File.Delete(path);
        }
    }

    private async Task<string> EditAsync(string path, string offered, CancellationToken ct)
    {
        await File.WriteAllTextAsync(path, offered, ct);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var command = context.Environment("VISUAL") is { Length: > 0 } visual ? visual : context.Environment("EDITOR") is { Length: > 0 } editor ? editor : "vi";
        var end = await context.Edit(command, path, ct);
        return end == 0 ? EditedText.WithoutNotes(await File.ReadAllTextAsync(path, ct))
            : throw new CliException(ExitCode.Failed, FormattableString.Invariant($"the editor ({command}) ended with {end}, nothing was changed; VISUAL or EDITOR names another"));
    }

    // Left alone after a refusal, it is given up; what was written is not lost.
    private async Task<(int End, IReadOnlyList<AppliedFleet> Fleets)> UnchangedAsync(string text, int refusal)
    {
        if (refusal == ExitCode.Done)
        {
            await context.Error.WriteLineAsync($"{kind.Name}/{name} was not edited, nothing was changed");
            return (ExitCode.Done, []);
        }

        var kept = Path.Combine(Path.GetTempPath(), $"qmfleet-{kind.Name}-{name}-{context.NewId()}.yaml");
        await File.WriteAllTextAsync(kept, text);
        await context.Error.WriteLineAsync($"{kind.Name}/{name} was left as it was refused, nothing was changed; your text is in {kept}");
        return (refusal, []);
    }

    private async Task<(
        (IReadOnlyList<AppliedNode> Nodes, IReadOnlyList<AppliedFleet> Fleets)? Applied, IReadOnlyList<string> Notes, IReadOnlyList<ManifestProblem> Problems)> SubmitAsync(
        string text, EditedText current, string path, CancellationToken ct)
    {
        await File.WriteAllTextAsync(path, text, ct);
        var manifests = await ManifestSet.ReadAsync([path], context.In, ct);
        foreach (var other in manifests.Resources.Where(resource => resource.Name.Length > 0 && (resource.Kind.ToLowerInvariant(), resource.Name) != (kind.Name, name)))
        {
            other.Object("metadata.name", $"expected {kind.Name} \"{name}\": edit changes the one that was asked for; qmfleet create -f makes another");
        }

        var submission = new Submission(manifests, connection, current.Generation, ct);
        try
        {
            if (manifests.IsValid)
            {
                await submission.CheckAsync();
            }

            return manifests.IsValid
                ? ((await submission.ApplyNodesAsync(), await submission.ApplyFleetsAsync()), [], [])
                : (null, [], [.. manifests.Files.SelectMany(file => file.Problems).Distinct().OrderBy(problem => problem.Line).Take(ProblemReport.MaxShown)]);
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.Aborted or StatusCode.InvalidArgument or StatusCode.FailedPrecondition)
        {
            return (null, [e.Status.Detail], []);
        }
    }
}
