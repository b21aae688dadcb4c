namespace Qm.Fleet.Controller.Security.Limits;

/// <summary>Marks a connection that is one too many, for whatever is asked on it.</summary>
/// <param name="actor">Whose it is.</param>
/// <param name="refusal">Why, and what to do.</param>
internal sealed class SurplusConnection(string actor, string refusal)
{
    /// <summary>Whose it is.</summary>
    public string Actor => actor;

    /// <summary>Why, and what to do.</summary>
    public string Refusal => refusal;

    /// <summary>Whether a request on it was told.</summary>
    public bool IsTold { get; set; }
}

/// <summary>Refuses what is asked on a connection that is one too many, as the last thing on it.</summary>
internal sealed class SurplusRefusal(RequestDelegate next, LimitRefusal refusal)
{
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(1);

    /// <summary>Answers for the request, or hands it on.</summary>
    public Task InvokeAsync(HttpContext context)
    {
        if (context.Features.Get<SurplusConnection>() is not { } surplus)
        {
            return next(context);
        }
        surplus.IsTold = true;
        Farewell.BeginNothingMore(context);
        return refusal.AnswerAsync(context, surplus.Actor, LimitNames.Connections, "TOO_MANY_CONNECTIONS", surplus.Refusal, Later);
    }
}
