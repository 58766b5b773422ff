//! What one thread asks of another, in a form that can be waited for together with news of the kernel: on a quiet machine the
//! loop then wakes up once a tick, and whoever follows the policy files hardly ever, and not to look whether something has happened.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, TryRecvError};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

/// What the servers' thread asks of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Read the policies and the inventory again.
    Reload,
    /// Put everything back and end.
    Stop,
    /// End, and leave what is held to the start that follows.
    Restart,
}

/// Why a wait has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wake<T> {
    Order(T),
    /// Nobody can give orders any more.
    Deserted,
    /// What was waited for beside orders has come.
    News,
    /// The time is over.
    Rested,
}

#[derive(Debug)]
pub struct OrderSender<T> {
    orders: mpsc::Sender<T>,
    bell: Bell,
}

#[derive(Debug)]
pub struct Orders<T> {
    orders: mpsc::Receiver<T>,
    bell: Bell,
}

/// Wakes the one who waits, without an order.
#[derive(Debug, Clone)]
pub struct Bell(Arc<EventFd>);

/// # Errors
/// There is no room for another file descriptor.
pub fn orders<T>() -> io::Result<(OrderSender<T>, Orders<T>)> {
    let bell = Bell(Arc::new(EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?));
    let (sender, orders) = mpsc::channel();
    Ok((OrderSender { orders: sender, bell: bell.clone() }, Orders { orders, bell }))
}

impl Bell {
    pub fn ring(&self) {
        // A bell that cannot be rung any louder is heard.
        let _ = self.0.write(1);
    }
}

impl<T> OrderSender<T> {
    /// `false` if nobody takes orders any more.
    pub fn give(&self, order: T) -> bool {
        let given = self.orders.send(order).is_ok();
        self.bell.ring();
        given
    }

    pub fn bell(&self) -> Bell {
        self.bell.clone()
    }
}

// By hand: derived it would ask that orders can be cloned.
impl<T> Clone for OrderSender<T> {
    fn clone(&self) -> Self {
        Self { orders: self.orders.clone(), bell: self.bell.clone() }
    }
}

impl<T> Drop for OrderSender<T> {
    fn drop(&mut self) {
        self.bell.ring();
    }
}

impl<T> Orders<T> {
    /// Waits for an order, for `news` to be readable if there is such a source, or for `rest` to be over.
    pub fn wait(&self, news: Option<BorrowedFd<'_>>, rest: Duration) -> Wake<T> {
        // One ring may stand for several orders.
        if let Some(wake) = self.next() {
            return wake;
        }
        let of = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut sources: Vec<PollFd<'_>> = [Some(self.bell.0.as_fd()), news].into_iter().flatten().map(of).collect();
        // Rounded up: a wait that ends a moment early would be followed by one of no length.
        let millis = u16::try_from(rest.as_micros().div_ceil(1000)).unwrap_or(u16::MAX);
        // An interruption is a rest that was short.
        let _ = poll(&mut sources, PollTimeout::from(millis));
        let is_ready = |place: usize| sources.get(place).is_some_and(|source| source.any() == Some(true));
        let (is_rung, has_news) = (is_ready(0), is_ready(1));
        if is_rung {
            let _ = self.bell.0.read();
        }
        self.next().unwrap_or(if has_news { Wake::News } else { Wake::Rested })
    }

    fn next(&self) -> Option<Wake<T>> {
        match self.orders.try_recv() {
            Ok(order) => Some(Wake::Order(order)),
            Err(TryRecvError::Disconnected) => Some(Wake::Deserted),
            Err(TryRecvError::Empty) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;
    use std::time::Instant;

    use nix::unistd::{pipe, write};

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn an_order_ends_a_rest_at_once_and_all_orders_are_heard() {
        let (sender, orders) = orders().unwrap();
        let start = Instant::now();
        let giver = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            assert!(sender.give(Order::Reload) && sender.give(Order::Stop));
        });
        assert_eq!(orders.wait(None, LONG), Wake::Order(Order::Reload));
        giver.join().unwrap();
        assert_eq!(orders.wait(None, LONG), Wake::Order(Order::Stop));
        assert_eq!(orders.wait(None, LONG), Wake::Deserted);
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn news_are_told_from_the_end_of_the_time() {
        let (_sender, orders) = orders::<Order>().unwrap();
        let (reader, writer) = pipe().unwrap();
        assert_eq!(orders.wait(Some(reader.as_fd()), Duration::from_millis(5)), Wake::Rested);
        write(&writer, b"x").unwrap();
        assert_eq!(orders.wait(Some(reader.as_fd()), LONG), Wake::News);
        assert_eq!(orders.wait(None, Duration::ZERO), Wake::Rested);
    }

    #[test]
    fn a_bell_ends_a_rest() {
        let (sender, orders) = orders::<Order>().unwrap();
        let start = Instant::now();
        sender.bell().ring();
        assert_eq!(orders.wait(None, LONG), Wake::Rested);
        assert!(start.elapsed() < LONG);
    }

    #[test]
    fn orders_to_a_loop_that_has_ended_are_refused() {
        let (sender, orders) = orders().unwrap();
        drop(orders);
        assert!(!sender.give(Order::Stop));
    }
}
