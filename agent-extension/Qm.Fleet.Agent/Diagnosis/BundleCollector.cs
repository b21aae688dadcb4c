using System.Formats.Tar;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Qm.Fleet.Agent.Effective;
using Qm.Fleet.Agent.Files;
using Qm.Fleet.Agent.Processes;
using Qm.Fleet.Core.Secrets;
using Qm.Fleet.V1;

namespace Qm.Fleet.Agent.Diagnosis;

/// <summary>Collects a bundle, entry by entry: nothing of it is kept, and what is missing is said in its summary.</summary>
/// <param name="root">The node.</param>
/// <param name="programs">Its programs.</param>
/// <param name="time">Dates the entries.</param>
internal sealed class BundleCollector(NodeRoot root, NodePrograms programs, TimeProvider time)
{
    /// <summary>The most of all entries together, before they are compressed.</summary>
    public const int BytesMax = 24 * 1024 * 1024;

    private const int FileBytesMax = 1024 * 1024;

    /// <summary>Writes a tar.gz.</summary>
    /// <param name="output">Written to asynchronously only.</param>
    /// <param name="report">A fresh look at the node, static checks included.</param>
    /// <param name="cancellationToken">Ends it early; what was written is then not a whole archive.</param>
    public async Task WriteAsync(Stream output, NodeReport report, CancellationToken cancellationToken)
    {
        var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true);
        await using (gzip.ConfigureAwait(false))
        {
            var tar = new TarWriter(gzip, TarEntryFormat.Pax, leaveOpen: true);
            await using (tar.ConfigureAwait(false))
            {
                await new Archive(tar, time.GetUtcNow()).FillAsync(root, programs, report, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private sealed class Archive(TarWriter tar, DateTimeOffset now)
    {
        private readonly List<string> _summary = [];
        private int _bytes;

        public async Task FillAsync(NodeRoot root, NodePrograms programs, NodeReport report, CancellationToken cancellationToken)
        {
            await AddAsync("checks.txt", ChecksText(report), "the static checks", cancellationToken).ConfigureAwait(false);
            await AddAsync("report.txt", string.Join('\n', report.Problems), "what could not be read for the last report", cancellationToken).ConfigureAwait(false);
            var effective = new EffectiveReader(root).Read(report.Files.Select(file => file.Path).ToHashSet(StringComparer.Ordinal));
            await AddAsync("effective.txt", EffectiveText.Of(EffectiveWire.Pieces(effective, report, "")), "the configuration in force, each value with the file it comes from", cancellationToken).ConfigureAwait(false);
            await AddAuditAsync(root, cancellationToken).ConfigureAwait(false);
            foreach (var file in BundleFiles.Find(root, report.Oom?.QmInitPid ?? 0, _summary))
            {
                await AddFileAsync(file, cancellationToken).ConfigureAwait(false);
            }

            foreach (var (name, command) in BundleItems.Commands)
            {
                await AddCommandAsync(name, command, await programs.RunAsync(command, cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            }

            // Last, because only now it is known how everything ended.
            var summary = string.Join('\n', _summary.Prepend($"Collected {now.ToString("u", CultureInfo.InvariantCulture)} by qm-fleet-agent {AgentHost.Version}; secrets are replaced by {Redactor.Mark}.\n"));
            await WriteAsync("summary.txt", Redactor.Redact(summary + "\n"), cancellationToken).ConfigureAwait(false);
        }

        private async Task AddAuditAsync(NodeRoot root, CancellationToken cancellationToken)
        {
            try
            {
                var denials = AuditLog.Denials(root);
                await (denials is null ? SayAsync("selinux/audit.txt: there is no /var/log/audit/audit.log.")
                    : AddAsync("selinux/audit.txt", denials, "SELinux's denials in /var/log/audit/audit.log and the one before it", cancellationToken)).ConfigureAwait(false);
            }
            catch (NodeFileException e)
            {
                _summary.Add($"selinux/audit.txt: the agent {e.Message}.");
            }
        }

        private async Task AddFileAsync(BundleFile file, CancellationToken cancellationToken)
        {
            try
            {
                if (file.Root.ReadText(file.PathInRoot, FileBytesMax) is { } text)
                {
                    await AddAsync("files" + file.Path, text, "as it lies on the node", cancellationToken).ConfigureAwait(false);
                }
            }
            catch (NodeFileException e)
            {
                _summary.Add($"files{file.Path}: the agent {e.Message}.");
            }
        }

        private Task AddCommandAsync(string name, NodeCommand command, ProgramResult result, CancellationToken cancellationToken)
        {
            if (result.End == ProgramEnd.NotRun)
            {
                return SayAsync($"{name}: {command}: {result.Errors}");
            }

            var end = result.End == ProgramEnd.TimedOut
                ? string.Create(CultureInfo.InvariantCulture, $"did not end within {command.Deadline.TotalSeconds:0} s")
                : string.Create(CultureInfo.InvariantCulture, $"exit code {result.ExitCode}");
            var text = $"$ {command}\n{result.Output}{(result.Errors.Length > 0 ? $"\n--- standard error ---\n{result.Errors}" : "")}\n--- {end}{(result.IsCut ? ", cut" : "")} ---\n";
            return AddAsync(name, text, $"{command}: {end}{(result.IsCut ? ", cut" : "")}", cancellationToken);
        }

        private async Task AddAsync(string name, string text, string what, CancellationToken cancellationToken)
        {
            var redacted = Redactor.Redact(text);
            if (_bytes + redacted.Text.Length > BytesMax)
            {
                _summary.Add($"{name}: left out, the bundle is as large as it may be.");
                return;
            }

            _summary.Add($"{name}: {what}");
            await WriteAsync(name, redacted, cancellationToken).ConfigureAwait(false);
        }

        private async Task WriteAsync(string name, RedactedText text, CancellationToken cancellationToken)
        {
            var content = Encoding.UTF8.GetBytes(text.Text);
            _bytes += content.Length;
            var entry = new PaxTarEntry(TarEntryType.RegularFile, $"qm-bundle/{name}")
            {
                DataStream = new MemoryStream(content),
                ModificationTime = now,
                Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            };
            await tar.WriteEntryAsync(entry, cancellationToken).ConfigureAwait(false);
        }

        private Task SayAsync(string sentence)
        {
            _summary.Add(sentence);
            return Task.CompletedTask;
        }

        private static string ChecksText(NodeReport report) => string.Concat((report.Checks?.Results ?? []).Select(check =>
            $"{check.Verdict,-13} {check.Id}: {check.Title}\n  read {check.Source}\n  expected {check.Expected}\n  found {check.Found}\n{(check.Message.Length > 0 ? $"  {check.Message}\n" : "")}"));
    }
}
