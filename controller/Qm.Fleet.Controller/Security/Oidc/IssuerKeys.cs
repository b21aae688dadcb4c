using System.Collections.Frozen;
using Microsoft.IdentityModel.Tokens;

namespace Qm.Fleet.Controller.Security.Oidc;

/// <summary>What the keys of an issuer say to one token.</summary>
/// <param name="Key">The key that it names; null when there is none.</param>
/// <param name="Problem">Why there is none, to follow the issuer's address; empty when there is one.</param>
/// <param name="IsForNow">Whether that may be otherwise later, whatever the token is.</param>
internal readonly record struct KeyAnswer(SecurityKey? Key, string Problem, bool IsForNow);

/// <summary>The keys an issuer signs with: remembered, asked for anew now and then and for a key that is not known, but seldom, whoever asks how often.</summary>
/// <remarks>One request at a time is under way, and who needs it waits for it; those whose key is known never wait.</remarks>
/// <param name="fetch">Asks the issuer; ends within its own deadline.</param>
/// <param name="time">Times what is remembered.</param>
internal sealed class IssuerKeys(Func<CancellationToken, Task<IReadOnlyCollection<SecurityKey>>> fetch, TimeProvider time)
{
    /// <summary>Time between two requests, however many unknown keys are named.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(30);

    /// <summary>How old keys may be before they are asked for anew, beside what goes on.</summary>
    public static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);

    /// <summary>How old keys may be at all, while the issuer does not answer.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromHours(12);

    private readonly Lock _gate = new();
    private FrozenDictionary<string, SecurityKey> _keys = FrozenDictionary<string, SecurityKey>.Empty;
    private string _problem = "";
    private long? _fetchedAt;
    private long? _askedAt;
    private Task? _asking;

    /// <summary>Told when a request failed, with why.</summary>
    public event Action<string>? Failed;

    /// <summary>The key of an id.</summary>
    /// <param name="id">As the token names it.</param>
    /// <param name="ct">Ends the wait; the request goes on for others.</param>
    public async Task<KeyAnswer> FindAsync(string id, CancellationToken ct)
    {
        Task? asking;
        lock (_gate)
        {
            var key = Known(id);
            if (key is null || Age >= Fresh)
            {
                Ask();
            }
            if (key is not null)
            {
                return new(key, "", false);
            }
            asking = _asking;
        }
        if (asking is not null)
        {
            await asking.WaitAsync(ct).ConfigureAwait(false);
        }
        lock (_gate)
        {
            return Known(id) is { } key ? new(key, "", false)
                : _problem.Length > 0 ? new(null, $"cannot be asked for its keys: {_problem}", true)
                : new(null, "has no key of the name that the token says; its keys are asked for again at most twice a minute", false);
        }
    }

    private TimeSpan Age => _fetchedAt is { } at ? time.GetElapsedTime(at) : TimeSpan.MaxValue;

    private SecurityKey? Known(string id) => Age < Lasting ? _keys.GetValueOrDefault(id) : null;

    private void Ask()
    {
        if (_asking is null && (_askedAt is not { } at || time.GetElapsedTime(at) >= Pause))
        {
            _askedAt = time.GetTimestamp();
            _asking = Task.Run(AskAsync);
        }
    }

    // Whatever an issuer answers is its own trouble and that of its callers.
#pragma warning disable CA1031
    private async Task AskAsync()
    {
        var (keys, problem) = (default(IReadOnlyCollection<SecurityKey>), "");
        try
        {
            keys = await fetch(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            problem = e.Message.TrimEnd('.');
        }
        lock (_gate)
        {
            _asking = null;
            _problem = problem;
            if (keys is not null)
            {
                _keys = keys.DistinctBy(static key => key.KeyId).ToFrozenDictionary(static key => key.KeyId, StringComparer.Ordinal);
                _fetchedAt = time.GetTimestamp();
            }
        }
        if (problem.Length > 0)
        {
            Failed?.Invoke(problem);
        }
    }
#pragma warning restore CA1031
}
