using System.CommandLine;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Controller.Security;

namespace Qm.Fleet.Controller;

/// <summary>The daemon's command line.</summary>
internal static class CommandLine
{
    private const int Failed = 1;
    private const int Invalid = 2;

    internal static async Task<int> RunAsync(string[] args)
    {
        var defaults = new ControllerOptions();
        var state = new Option<string>("--state") { Description = "Directory of everything that lasts", DefaultValueFactory = _ => defaults.State };
        var root = new RootCommand("The controller of QM Fleet.\n\nExit codes: 0 ended as asked, 1 failed, 2 wrong options.")
        {
            RunCommand(defaults, state),
            CertificateCommand(state),
        };
        var parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
            {
                await Console.Error.WriteLineAsync(error.Message);
            }

            return Invalid;
        }

        return await parsed.InvokeAsync(new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    private static Command RunCommand(ControllerOptions defaults, Option<string> state)
    {
        var bus = new Option<string>("--bus") { Description = "D-Bus address of BlueChi's bus, or system", DefaultValueFactory = _ => defaults.Bus };
        var listen = new Option<string>("--listen") { Description = "Address and port for agents and remote clients; port 0 takes a free one", DefaultValueFactory = _ => defaults.Listen };
        var socket = new Option<string>("--socket") { Description = "Unix socket for root on this machine", DefaultValueFactory = _ => defaults.Socket };
        var metrics = new Option<string>("--metrics") { Description = "Loopback address and port for Prometheus, or off", DefaultValueFactory = _ => defaults.Metrics };
        var report = new Option<int>("--report-interval") { Description = "Longest time between two reports of an agent, ms", DefaultValueFactory = _ => (int)defaults.ReportInterval.TotalMilliseconds };
        var run = new Command("run", "Serves until it is told to end.") { state, bus, listen, socket, metrics, report };
        run.SetAction(async (parsed, ct) =>
        {
            var options = new ControllerOptions
            {
                State = parsed.GetValue(state)!,
                Bus = parsed.GetValue(bus)!,
                Listen = parsed.GetValue(listen)!,
                Socket = parsed.GetValue(socket)!,
                Metrics = parsed.GetValue(metrics)!,
                ReportInterval = TimeSpan.FromMilliseconds(parsed.GetValue(report)),
            };
            var problems = new ControllerOptionsValidator().Validate(null, options);
            if (problems.Failed)
            {
                foreach (var problem in problems.Failures!)
                {
                    await Console.Error.WriteLineAsync(problem);
                }

                return Invalid;
            }

            return await TellAsync(() => Daemon.RunAsync(options, ct));
        });
        return run;
    }

    private static Command CertificateCommand(Option<string> state)
    {
        var names = new Argument<string[]>("NODE") { Description = "BlueChi's node names of the hosts", Arity = ArgumentArity.OneOrMore };
        var output = new Option<string>("--out") { Description = "Directory; OUT/NODE gets ca.crt, node.crt and node.key", Required = true };
        var command = new Command("node-certificate", "Makes certificates for agent extensions; works while the controller runs.") { names, state, output };
        command.SetAction((parsed, _) => TellAsync(() =>
        {
            var folder = parsed.GetValue(state)!;
            if (!Pki.Exists(folder))
            {
                throw new PkiException($"{folder} has no certificate authority yet: start the controller once with this --state", new FileNotFoundException());
            }

            using var pki = Pki.Open(folder, TimeProvider.System);
            foreach (var name in parsed.GetValue(names)!)
            {
                pki.IssueNode(name, Path.Combine(parsed.GetValue(output)!, name));
            }

            return Task.CompletedTask;
        }));
        return command;
    }

    private static async Task<int> TellAsync(Func<Task> work)
    {
        try
        {
            await work();
            return 0;
        }
        catch (Exception e) when (e is Storage.StoreException or PkiException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return Failed;
        }
    }
}
