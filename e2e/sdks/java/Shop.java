import io.sentry.Breadcrumb;
import io.sentry.Sentry;
import io.sentry.SentryLevel;
import io.sentry.protocol.User;

/** One error and one message, reported by Sentry's SDK for Java; the IDs of the events that it sends are printed. */
public class Shop {
    static void shipOrder(int number) {
        try {
            Integer.parseInt("address");
        } catch (NumberFormatException e) {
            throw new IllegalStateException("cannot ship order " + number + ": no address", e);
        }
    }

    public static void main(String[] args) {
        Sentry.init(options -> {
            options.setDsn(System.getenv("SENTRY_DSN"));
            options.setRelease("shop@1.4.2");
            options.setEnvironment("staging");
            options.addInAppInclude("Shop");
            options.setBeforeSend((event, hint) -> {
                System.out.println("sent " + event.getEventId());
                return event;
            });
        });
        User user = new User();
        user.setId("42");
        user.setEmail("jane@shop.example");
        Sentry.setUser(user);
        Sentry.setTag("plan", "business");
        Breadcrumb crumb = new Breadcrumb("opened the cart");
        crumb.setCategory("cart");
        Sentry.addBreadcrumb(crumb);
        Sentry.captureMessage("stock is low", SentryLevel.WARNING);
        try {
            shipOrder(7);
        } catch (IllegalStateException e) {
            Sentry.captureException(e);
        }
        Sentry.close();
    }
}
