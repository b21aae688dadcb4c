using Qm.Fleet.BlueChi.Jobs;

namespace Qm.Fleet.BlueChi;

/// <content>Units of one node.</content>
public partial interface IBlueChi
{
    /// <summary>Starts a unit (mode replace) and waits for the job.</summary>
    Task<JobOutcome> StartUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Stops a unit (mode replace) and waits for the job.</summary>
    Task<JobOutcome> StopUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Restarts a unit (mode replace) and waits for the job; a failed state on the way is part of it.</summary>
    Task<JobOutcome> RestartUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Has a unit read its configuration again (mode replace) and waits for the job.</summary>
    Task<JobOutcome> ReloadUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Begins a job; its end is followed until <see cref="BlueChiOptions.JobDeadline"/>, whether somebody waits for it or not.</summary>
    /// <remarks>The unit's state is read first, so that an agent that is silent is found out before it is given anything to do later.</remarks>
    /// <param name="type">What to do.</param>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="mode">What to do with other jobs of systemd's queue.</param>
    /// <param name="ct">Ends the wait for the job to be accepted, and for other operations on the unit to end.</param>
    /// <exception cref="NodeOfflineException">The node is not connected or does not answer; the job was not sent.</exception>
    /// <exception cref="UnknownUnitException">systemd does not know the unit.</exception>
    /// <exception cref="RefusedException">systemd or BlueChi would not even try.</exception>
    /// <exception cref="OutcomeUnknownException">The job was sent and nobody answered.</exception>
    Task<IUnitJob> BeginJobAsync(JobType type, string node, string unit, JobMode mode, CancellationToken ct);

    /// <summary>Units that a node's systemd has loaded.</summary>
    Task<IReadOnlyList<UnitInfo>> ListUnitsAsync(string node, CancellationToken ct);

    /// <summary>What a unit is doing; a unit that systemd does not know has <see cref="UnitState.LoadState"/> <c>not-found</c>.</summary>
    Task<UnitState> GetUnitStateAsync(string node, string unit, CancellationToken ct);

    /// <summary>Properties of a unit; a unit that systemd does not know has LoadState <c>not-found</c>.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="systemdInterface">Such as <c>org.freedesktop.systemd1.Service</c>; empty for all.</param>
    /// <param name="ct">Ends the wait.</param>
    Task<IReadOnlyDictionary<string, PropertyValue>> GetUnitPropertiesAsync(string node, string unit, string systemdInterface, CancellationToken ct);

    /// <summary>One property of a unit.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="systemdInterface">Such as <c>org.freedesktop.systemd1.Service</c>.</param>
    /// <param name="property">systemd's D-Bus name.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="RefusedException">There is no such property.</exception>
    Task<PropertyValue> GetUnitPropertyAsync(string node, string unit, string systemdInterface, string property, CancellationToken ct);

    /// <summary>Sets properties of a unit at once.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="runtime">Whether they are forgotten at the next boot.</param>
    /// <param name="properties">Names and values.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <exception cref="UnknownUnitException">systemd does not know the unit; it would have accepted them all the same, and kept a file.</exception>
    Task SetUnitPropertiesAsync(string node, string unit, bool runtime, IReadOnlyList<UnitProperty> properties, CancellationToken ct);

    /// <summary>Stops all processes of a unit where they are.</summary>
    /// <exception cref="RefusedException">The unit or the node's kernel cannot freeze.</exception>
    Task FreezeUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Lets a frozen unit go on.</summary>
    Task ThawUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Sends a signal to processes of a unit.</summary>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full unit name.</param>
    /// <param name="whom">Which processes.</param>
    /// <param name="signal">The signal's number, 1 to 64.</param>
    /// <param name="ct">Ends the wait.</param>
    Task KillUnitAsync(string node, string unit, KillWhom whom, int signal, CancellationToken ct);

    /// <summary>Forgets that units failed, and how often they were started.</summary>
    Task ResetFailedAsync(string node, CancellationToken ct);

    /// <summary>Forgets that a unit failed, and how often it was started.</summary>
    Task ResetFailedUnitAsync(string node, string unit, CancellationToken ct);

    /// <summary>Starts a unit that exists only until it ends.</summary>
    /// <remarks>BlueChi passes this on and follows no job: read the unit's state.</remarks>
    /// <param name="node">BlueChi's node name.</param>
    /// <param name="unit">Full name of a unit that does not exist.</param>
    /// <param name="mode">What to do with other jobs of systemd's queue.</param>
    /// <param name="properties">Names and values, such as ExecStart.</param>
    /// <param name="ct">Ends the wait.</param>
    /// <returns>The number of the job in the node's systemd.</returns>
    Task<uint> StartTransientUnitAsync(string node, string unit, JobMode mode, IReadOnlyList<UnitProperty> properties, CancellationToken ct);
}
