using Microsoft.Extensions.Options;
using Qm.Fleet.Controller.Options;
using Qm.Fleet.Core.Limits;

namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>
/// Bounds how often one address asks for anything on connections without a certificate, before anybody looks at who it is: what needs no identity, and what guesses at
/// one, passes here, too. Who has a certificate has a pace of its own, and is not to pay for others behind the same gateway.
/// </summary>
internal sealed class AddressQuota(RequestDelegate next, IOptions<ControllerOptions> options, LimitRefusal refusal, TimeProvider time)
{
    private readonly Paces<System.Net.IPAddress> _paces = new(time);

    /// <summary>Answers for the request, or hands it on when its turn has come.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<CallerIdentity>() is null && ClientAddress.Of(context.Connection.RemoteIpAddress) is { } address)
        {
            var most = options.Value.Limits.RequestsPerAddress;
            var turn = _paces.Take(address, Pace.Of(most, CallerLimits.BurstSeconds), CallerLimits.Patience);
            if (!turn.IsGiven)
            {
                await refusal.AnswerAsync(
                    context, $"address:{address}", LimitNames.AddressRequests, "TOO_MANY_REQUESTS",
                    $"{address} asked for more than {most} things a second. Ask more slowly.", turn.Wait).ConfigureAwait(false);
                return;
            }
            if (turn.Wait > TimeSpan.Zero)
            {
                await Task.Delay(turn.Wait, time, context.RequestAborted).ConfigureAwait(false);
            }
        }
        await next(context).ConfigureAwait(false);
    }
}
