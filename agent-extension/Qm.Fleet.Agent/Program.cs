using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Qm.Fleet.Agent;
using Qm.Fleet.Agent.Configuration;

StartMemory.OneHeap();
if (args.Contains("--help"))
{
    Console.Out.Write(OptionReader.Help);
    return 0;
}

if (args.Contains("--version"))
{
    Console.Out.WriteLine($"qm-fleet-agent {AgentHost.Version}");
    return 0;
}

var (options, problems) = OptionReader.Read(args);
if (options is null)
{
    foreach (var problem in problems)
    {
        Console.Error.WriteLine($"qm-fleet-agent: {problem}");
    }

    return 2;
}

var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
builder.Services.AddSystemd();
builder.Logging.SetMinimumLevel(options.LogLevel).AddFilter("Microsoft", LogLevel.Warning);
builder.Logging.AddConsole();
using var host = builder.Build();
await host.StartAsync();
try
{
    using var started = TimeProvider.System.CreateTimer(static _ => StartMemory.GiveBack(), null, StartMemory.After, Timeout.InfiniteTimeSpan);
    var stopping = host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
    await AgentHost.RunAsync(options, TimeProvider.System, host.Services.GetRequiredService<ILoggerFactory>(), stopping);
    return 0;
}
catch (IOException e)
{
    await Console.Error.WriteLineAsync($"qm-fleet-agent: {e.Message}");
    return 1;
}
finally
{
    await host.StopAsync();
}
