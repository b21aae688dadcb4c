namespace Qm.Fleet.Lab.Nodes;

/// <summary><c>bluechi-agent.service</c>: a process that registers its node with BlueChi, and keeps trying when it is refused.</summary>
/// <param name="service">The process.</param>
/// <param name="node">The node.</param>
/// <param name="blueChi">Whom it registers with.</param>
/// <param name="systemd">The systemd it speaks for.</param>
/// <param name="configuration">The directory of its <c>agent.conf</c>, on the host.</param>
/// <param name="reaches">Whether a <c>ControllerAddress</c> leads to the controller from where the agent runs.</param>
internal sealed class BlueChiAgentBody(
    IUnitBody service, NodeContext node, IBlueChi blueChi, Func<EmulatedSystemd> systemd, string configuration, Func<string, bool> reaches) : IUnitBody, IDisposable
{
    private CancellationTokenSource? _life;
    private IDisposable? _connection;

    public string Cgroup => service.Cgroup;

    public bool IsContainer => false;

    public bool IgnoresSigterm => false;

    public int? Start(LoadedUnit loaded, ResourceControl limits)
    {
        Leave();
        _life = new CancellationTokenSource();
        var conf = AgentConfFiles.Read(configuration);

        // The host's name is the container's id inside QM and anything on the host; nobody allows either.
        if (conf.NodeName(Environment.MachineName) is { } name)
        {
            _ = ConnectAsync(name, conf.Address, _life.Token);
        }

        return service.Start(loaded, limits);
    }

    public void Leave()
    {
        _life?.Cancel();
        _life?.Dispose();
        _life = null;
        _connection?.Dispose();
        _connection = null;
    }

    public void Stop()
    {
        Leave();
        service.Stop();
    }

    public void Dispose() => Leave();

    private async Task ConnectAsync(string name, string address, CancellationToken cancellation)
    {
        var pause = node.Timings.AgentReconnect;
        try
        {
            while (true)
            {
                await Task.Delay(pause, node.Time, cancellation).ConfigureAwait(false);
                lock (node.Gate)
                {
                    cancellation.ThrowIfCancellationRequested();
                    _connection = reaches(address) ? blueChi.TryRegister(name, systemd()) : null;
                    if (_connection is not null)
                    {
                        return;
                    }
                }

                pause = node.Timings.AgentRetry;
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The agent was stopped before it got through.
        }
    }
}
