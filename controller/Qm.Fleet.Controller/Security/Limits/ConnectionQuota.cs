using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Bounds the connections of one identity. One too many is told so, since over HTTP/1.1 each stream has one of its own: whatever is asked on it is refused with details, and then it is closed. For that it
/// has a few seconds and one of a few places, so that it costs little; where those are taken it is closed without an answer.
/// </summary>
internal sealed class ConnectionQuota(IOptions<ControllerOptions> options, LimitTrail trail, TimeProvider time)
{
    /// <summary>Connections of one identity that are told at once that they are too many.</summary>
    public const int RefusedOfOne = 500;

    /// <summary>The same of all together.</summary>
    public const int MostRefused = 2000;

    /// <summary>How long one of them may take to ask and to be told.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly Shares<string> _served = new();
    private readonly Shares<string> _refused = new();

    /// <summary>Serves a connection, tells it that it is one too many, or closes it.</summary>
    /// <param name="connection">The connection, after its handshake.</param>
    /// <param name="caller">Whose it is.</param>
    /// <param name="next">Serves it.</param>
    public async Task RunAsync(ConnectionContext connection, CallerIdentity caller, ConnectionDelegate next)
    {
        var most = CallerLimits.Of(caller, options.Value.Limits).Connections;
        if (_served.TryTake(caller.Actor, most))
        {
            try
            {
                await next(connection).ConfigureAwait(false);
            }
            finally
            {
                _served.GiveBack(caller.Actor);
            }
            return;
        }
        var surplus = new SurplusConnection(caller.Actor, $"{caller.Actor} has {most} connections already, which is the most. End some of them.");
        if (!await TellAsync(connection, surplus, next).ConfigureAwait(false))
        {
            await trail.NoteAsync(surplus.Actor, LimitNames.Connections, surplus.Refusal).ConfigureAwait(false);
            connection.Abort(new ConnectionAbortedException("The peer has too many connections."));
        }
    }

    // Whether somebody asked, and was told.
    private async Task<bool> TellAsync(ConnectionContext connection, SurplusConnection surplus, ConnectionDelegate next)
    {
        if (!_refused.TryTake("", MostRefused))
        {
            return false;
        }
        try
        {
            if (!_refused.TryTake(surplus.Actor, RefusedOfOne))
            {
                return false;
            }
            try
            {
                connection.Features.Set(surplus);
                using var late = new CancellationTokenSource(Patience, time);
                await using var end = late.Token.Register(() => connection.Abort(new ConnectionAbortedException("The peer has too many connections, and did not ask or read why.")));
                await next(connection).ConfigureAwait(false);
                return surplus.IsTold;
            }
            finally
            {
                _refused.GiveBack(surplus.Actor);
            }
        }
        finally
        {
            _refused.GiveBack("");
        }
    }
}
