using System.CommandLine;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Security;
using Qm.Fleet.Controller.Storage;

namespace Qm.Fleet.Controller.Options;

/// <summary>The command line: 0 for done, 1 for could not, 2 for asked wrongly. Only what was asked for is on stdout.</summary>
internal static class CommandLine
{
    private static readonly ControllerOptions Defaults = new();

    private static readonly Option<string> State = new("--state")
    {
        Description = "Folder of everything that lasts: the database and the keys",
        DefaultValueFactory = static _ => Defaults.State,
    };

    /// <summary>Runs a command to its end.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var root = new RootCommand("The QM Fleet controller: keeps what QM nodes shall run, and brings them there through BlueChi.")
        {
            RunCommand(),
            NodeCertificateCommand(),
        };
        var parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync(error.Message).ConfigureAwait(false);
            }
            return 2;
        }
        try
        {
            // The host has its own signal handling and its own end.
            return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null })
                .ConfigureAwait(false);
        }
        catch (OptionsValidationException e)
        {
            foreach (var failure in e.Failures)
            {
                await Console.Error.WriteLineAsync(failure).ConfigureAwait(false);
            }
            return 2;
        }
        catch (Exception e) when (e is StoreException or PkiException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message).ConfigureAwait(false);
            return 1;
        }
    }

    internal static Command RunCommand()
    {
        var bus = new Option<string>("--bus")
        {
            Description = "D-Bus address of BlueChi, \"system\", or ssh:[USER@]HOST",
            DefaultValueFactory = static _ => Defaults.Bus,
        };
        var listen = new Option<string>("--listen")
        {
            Description = "IP address and port (0 for any) of the TLS listener",
            DefaultValueFactory = static _ => Defaults.Listen,
        };
        var names = new Option<string[]>("--name")
        {
            Description = "Another host name or IP address that the TLS listener is reached under; may repeat",
            DefaultValueFactory = static _ => [],
        };
        var socket = new Option<string>("--socket")
        {
            Description = "Unix socket for root and the controller's own user",
            DefaultValueFactory = static _ => Defaults.Socket,
        };
        var metrics = new Option<string>("--metrics")
        {
            Description = "Loopback address and port the metrics are read on, or \"off\"",
            DefaultValueFactory = static _ => Defaults.Metrics,
        };
        var interval = new Option<int>("--report-interval")
        {
            Description = "Longest time between two signs of life of an agent, in milliseconds",
            DefaultValueFactory = static _ => (int)Defaults.ReportInterval.TotalMilliseconds,
        };
        var usage = new Option<int>("--usage-interval")
        {
            Description = "Time between two looks of an agent at what QM uses, in milliseconds; 0 for none",
            DefaultValueFactory = static _ => (int)Defaults.UsageInterval.TotalMilliseconds,
        };
        var linkConfirm = new Option<int>("--link-confirm-within")
        {
            Description = "How long a node waits for the confirmation of a change that could cut it off, in milliseconds",
            DefaultValueFactory = static _ => (int)Defaults.LinkConfirmWithin.TotalMilliseconds,
        };
        var artifacts = new Option<long>("--artifact-space")
        {
            Description = "Most space that the archives of qmfleet artifact push take together, in MiB",
            DefaultValueFactory = static _ => Defaults.ArtifactSpaceBytes >> 20,
        };
        var certificateLife = new Option<double>("--certificate-life")
        {
            Description = "How long certificates last, in minutes; the controller's own and those of nodes are renewed at two thirds of that",
            DefaultValueFactory = static _ => Defaults.CertificateLife.TotalMinutes,
        };
        var authorityLife = new Option<double>("--authority-life")
        {
            Description = "How long a certificate authority lasts that the controller makes, in minutes",
            DefaultValueFactory = static _ => Defaults.AuthorityLife.TotalMinutes,
        };
        var overlap = new Option<double>("--authority-overlap")
        {
            Description = "How long at least an old certificate authority stays in force beside the new one, in minutes",
            DefaultValueFactory = static _ => Defaults.AuthorityOverlap.TotalMinutes,
        };
        var autoApprove = new Option<string>("--auto-approve")
        {
            Description = $"Which nodes join without a person or a join token: {AutoApprovals.Word(AutoApproval.None)}, or {AutoApprovals.Word(AutoApproval.BlueChiPeerMatch)} for those that BlueChi has connected from the very address they ask from",
            DefaultValueFactory = static _ => AutoApprovals.Word(Defaults.AutoApprove),
        };
        autoApprove.AcceptOnlyFromAmong([.. AutoApprovals.Words]);
        var match = new Option<bool>("--require-peer-match")
        {
            Description = "Refuse an agent that dials in from another address than the one BlueChi has of its node",
        };
        var limits = LimitOption.All.ToDictionary(static limit => limit, static limit => new Option<int>(limit.Name)
        {
            Description = limit.Description,
            DefaultValueFactory = _ => limit.Get(Defaults.Limits),
        });
        var command = new Command("run", "Serves until SIGTERM or SIGINT.")
        {
            State, bus, listen, names, socket, metrics, interval, usage, linkConfirm, artifacts, certificateLife, authorityLife, overlap, autoApprove, match,
        };
        foreach (var limit in limits.Values)
        {
            command.Add(limit);
        }
        var oidc = new OidcArguments();
        oidc.AddTo(command);
        command.SetAction((parsed, ct) => ServeAsync(
            new ControllerOptions
            {
                State = parsed.GetRequiredValue(State),
                Bus = parsed.GetRequiredValue(bus),
                Listen = parsed.GetRequiredValue(listen),
                Names = parsed.GetRequiredValue(names),
                Socket = parsed.GetRequiredValue(socket),
                Metrics = parsed.GetRequiredValue(metrics),
                ReportInterval = TimeSpan.FromMilliseconds(parsed.GetRequiredValue(interval)),
                UsageInterval = TimeSpan.FromMilliseconds(parsed.GetRequiredValue(usage)),
                LinkConfirmWithin = TimeSpan.FromMilliseconds(parsed.GetRequiredValue(linkConfirm)),
                AutoApprove = AutoApprovals.Of(parsed.GetRequiredValue(autoApprove)),
                // What is out of every bound stays so, instead of coming round.
                ArtifactSpaceBytes = Math.Clamp(parsed.GetRequiredValue(artifacts), 0, 1L << 40) << 20,
                CertificateLife = Minutes(parsed.GetRequiredValue(certificateLife)),
                AuthorityLife = Minutes(parsed.GetRequiredValue(authorityLife)),
                AuthorityOverlap = Minutes(parsed.GetRequiredValue(overlap)),
                RequirePeerMatch = parsed.GetValue(match),
                Limits = limits.Aggregate(new ControllerLimits(), (made, limit) => limit.Key.With(made, parsed.GetRequiredValue(limit.Value))),
                Oidc = oidc.Read(parsed),
                Given = command.Options.Where(option => parsed.GetResult(option) is { Implicit: false }).Select(static option => option.Name).ToHashSet(StringComparer.Ordinal),
            },
            ct));
        return command;
    }

    // What is out of every bound stays so.
    private static TimeSpan Minutes(double minutes) => double.IsFinite(minutes) ? TimeSpan.FromMinutes(Math.Clamp(minutes, 0, TimeSpan.FromDays(36500).TotalMinutes)) : TimeSpan.Zero;

    private static Command NodeCertificateCommand()
    {
        var names = new Argument<string[]>("NAME")
        {
            Description = "BlueChi node names of the hosts",
            Arity = ArgumentArity.OneOrMore,
        };
        var folder = new Option<string>("--out") { Description = "Folder that gets NAME/{ca.crt,node.crt,node.key}", Required = true };
        var create = new Option<bool>("--create") { Description = "Make the certificate authority first when there is none" };
        var command = new Command("node-certificate", "Makes certificates for agent extensions; the controller may run meanwhile.")
        {
            names, State, folder, create,
        };
        command.SetAction(parsed => NodeCertificates.Write(
            parsed.GetRequiredValue(names), Path.GetFullPath(parsed.GetRequiredValue(State)), Path.GetFullPath(parsed.GetRequiredValue(folder)),
            parsed.GetValue(create), TimeProvider.System, Console.Error));
        return command;
    }

    private static async Task<int> ServeAsync(ControllerOptions options, CancellationToken ct)
    {
        await using var app = ControllerHost.Build(options);
        var addresses = await ControllerHost.ServeAsync(app, ct).ConfigureAwait(false);
        await Console.Out.WriteLineAsync($"ready {addresses}").ConfigureAwait(false);
        await app.WaitForShutdownAsync(ct).ConfigureAwait(false);
        return 0;
    }
}
